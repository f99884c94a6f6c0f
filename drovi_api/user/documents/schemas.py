"""The shapes of parsed documents."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from drovi_api.user.evidence.schemas import Box


class DocumentSummary(BaseModel):
    """A file as it was read, or why it was not."""

    id: UUID
    path: str
    title: str
    media_type: str
    status: Literal["parsed", "refused"]
    reason: str = Field(description="Why a refused file was refused; empty for a parsed one.")


class PageShape(BaseModel):
    """A page's number, from 1, and its size in points as displayed."""

    number: int
    width: float
    height: float


class Document(DocumentSummary):
    """All that is known of a file but its text, which comes block by block."""

    item_id: UUID = Field(description="The item the file belongs to.")
    parent_id: UUID | None = Field(description="The mail or archive it was attached to.")
    language: str = Field(description="ISO 639-1; empty where it is not known.")
    author: str
    occurred_at: datetime | None
    bytes: int
    pages: list[PageShape] = Field(description="Empty where the format has no pages.")
    warnings: list[str] = Field(description="What could not be read, in words.")
    metadata: dict[str, Any] = Field(description="What the format says of itself, such as a mail's headers.")


class Block(BaseModel):
    """A piece of the document's layout."""

    ordinal: int = Field(description="The place in reading order, from 0.")
    kind: str = Field(examples=["title", "paragraph", "list_item", "table"])
    text: str
    start: int = Field(description="First character in the document's text (Unicode code points).")
    end: int
    page: int | None
    section: str = Field(description="The heading it stands under; may be empty.")
    boxes: list[Box] = Field(description="`[x0, y0, x1, y1]` in points from the page's top left.")
