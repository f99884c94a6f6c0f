"""The shapes of evidence."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field

Box = tuple[float, float, float, float]


class Quote(BaseModel):
    """Exact words and their exact place."""

    evidence_id: str = Field(description="Resolved by `GET /api/v1/evidence/{evidence_id}`.")
    quote: str = Field(description="The words, character for character as the source has them.")
    path: str = Field(description="The file or message, as its source names it.")
    page: int | None = Field(description="From 1; null where the format has no pages.")
    boxes: list[Box] = Field(
        description="`[x0, y0, x1, y1]` in points from the page's top left, one box a line of text."
    )
    start: int = Field(
        description="First character of the quote in the document's text (Unicode code points)."
    )
    end: int = Field(description="The character after its last.")


class PageSize(BaseModel):
    """Points, as displayed."""

    width: float
    height: float


class Evidence(Quote):
    """A quote with what is needed to show it in its place."""

    document_id: UUID
    object_id: UUID | None = Field(
        description="The intelligence object it proves; null for a citation of an answer."
    )
    title: str = Field(description="The document's title; may be empty.")
    media_type: str
    section: str = Field(description="The heading the quote stands under; may be empty.")
    page_size: PageSize | None
    passage: str = Field(description="The passage around the quote.")
    passage_start: int = Field(description="The passage's first character in the document's text.")
