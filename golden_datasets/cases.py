"""The shape of one case of each set, checked as it is read.

A case states the truth and nothing about how it is measured. Offsets are never written by hand: a quote is an
exact substring of its text, found once, and the offset follows from it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

Language = Literal["fr", "en"]
Kind = Literal["commitment", "decision", "risk", "claim", "advice"]
PairLabel = Literal["contradiction", "consistent", "unrelated"]
Box = tuple[float, float, float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CaseContext(_Strict):
    """What a reader knows besides the words; ``written_at`` anchors relative dates."""

    author: str = ""
    recipients: tuple[str, ...] = ()
    written_at: datetime | None = None
    title: str = ""


class Case(_Strict):
    """What every case carries: an id unique in its set, and its language."""

    id: str
    lang: Language


class TrueObject(_Strict):
    """One object that a careful reader would note.

    ``slots`` are those the case asserts; a slot left out is not scored.
    """

    kind: Kind
    quote: Annotated[str, Field(min_length=1)]
    slots: dict[str, JsonValue] = {}


class ExtractionCase(Case):
    """A mail, letter, minute or clause with every object in it; none is a valid answer."""

    context: CaseContext = CaseContext()
    text: str
    objects: tuple[TrueObject, ...] = ()

    @model_validator(mode="after")
    def _quotes_are_found_once(self) -> ExtractionCase:
        for item in self.objects:
            if self.text.count(item.quote) != 1:
                raise ValueError(f"{self.id}: the quote must occur exactly once: {item.quote!r}")
        return self


class Statement(_Strict):
    """One side of a pair."""

    text: str
    context: CaseContext = CaseContext()


class ContradictionCase(Case):
    """Two statements and whether both can hold.

    ``consistent``: about the same thing, and both can be true (reworded, a later change that says so, a
    condition). ``unrelated``: about different things. ``why`` is the annotator's reason.
    """

    a: Statement
    b: Statement
    label: PairLabel
    why: str


class EvidenceCase(Case):
    """A statement, a document as paragraphs, and the exact words that support it; ``()`` when nothing does."""

    statement: str
    document: tuple[str, ...]
    spans: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _spans_are_found_once(self) -> EvidenceCase:
        for span in self.spans:
            if sum(paragraph.count(span) for paragraph in self.document) != 1:
                raise ValueError(f"{self.id}: the span must occur exactly once: {span!r}")
        return self


class Paragraph(_Strict):
    """A passage of the retrieval corpus."""

    id: str
    lang: Language
    title: str
    text: str


class AnswerCase(Case):
    """A question over the corpus. ``paragraph`` and ``answers`` are empty when the corpus has no answer."""

    question: str
    paragraph: str = ""
    answers: tuple[str, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether the corpus holds the answer."""
        return bool(self.answers)


class TrueBlock(_Strict):
    """A block in reading order; ``page`` is None where the format has none, ``section`` "" at the top."""

    kind: Literal["title", "paragraph", "list_item", "table", "header", "footer", "caption", "code", "other"]
    text: str
    page: int | None = None
    section: str = ""


class DocumentTruth(_Strict):
    """What a file says and where. Boxes are in points from the top left, known because we drew them."""

    blocks: tuple[TrueBlock, ...]
    words_with_boxes: tuple[tuple[str, int, float, float, float, float], ...] = ()
    metadata: dict[str, JsonValue] = {}
    attachments: tuple[str, ...] = ()


class DocumentCase(Case):
    """A file and its truth, both named relative to the set's folder ``root``."""

    file: str
    truth: str
    traps: str
    root: Path = Path()

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return (self.root / self.file).read_bytes()

    def read_truth(self) -> DocumentTruth:
        """The truth that stands beside the file."""
        return DocumentTruth.model_validate_json((self.root / self.truth).read_bytes())
