"""The shapes of search."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from drovi_api.user.items.schemas import ItemKind


class FindRequest(BaseModel):
    """What to look for, and where."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(
        min_length=1, max_length=1000, description="Words or a question, in French or English."
    )
    limit: int = Field(10, ge=1, le=100, description="Most results.")
    kinds: frozenset[ItemKind] = Field(frozenset(), description="Only these kinds; all where it is empty.")
    path: str = Field("", max_length=4096, description="Only this file, or what is in this folder.")
    since: AwareDatetime | None = Field(None, description="Only what was written at or after this moment.")
    until: AwareDatetime | None = Field(None, description="Only what was written before this moment.")


class FindResult(BaseModel):
    """A passage that was found."""

    kind: ItemKind
    id: UUID = Field(description="The document it stands in: `GET /api/v1/documents/{document_id}`.")
    title: str
    path: str
    score: float = Field(ge=0, le=1, description="Orders the results of one search.")
    snippet: str = Field(description="The part of the passage that shows why it was found.")
    page: int | None


class FindResults(BaseModel):
    """The best passages, best first."""

    results: list[FindResult]
