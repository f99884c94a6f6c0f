"""What can be measured: the shape of each piece of product code, and where the product's own stands.

The product is looked up when a suite starts, not when this room is imported: it loads model weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from drovi_assets.documents.model import ParsedDocument
from drovi_assets.intelligence.model import ExtractedObject, TextContext


class Extractor(Protocol):
    """Text in, objects out."""

    def __call__(self, text: str, context: TextContext) -> Sequence[ExtractedObject]:
        """Read ``text`` in its context."""
        ...


class Verdict(Protocol):
    """``label`` is contradiction, consistent or unrelated."""

    @property
    def label(self) -> str:
        """The verdict's label."""
        ...


class Comparer(Protocol):
    """Two statements in, a verdict out."""

    def __call__(self, a: str, b: str, /) -> Verdict:
        """Compare the two."""
        ...


class Parser(Protocol):
    """A file's bytes and name in, a parsed document out."""

    def __call__(self, content: bytes, name: str, /) -> ParsedDocument:
        """Parse the file."""
        ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that may hold an answer, under the title of what it comes from; ``id`` is the caller's own."""

    id: str
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """``passage.text[start:end]`` is what the answer rests on."""

    passage: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with its citations, best first; no citation is a refusal."""

    text: str = ""
    citations: tuple[Citation, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether no evidence was found."""
        return not self.citations


class CitedSpan(Protocol):
    """``passage.text[start:end]`` of the passage with that id."""

    @property
    def passage(self) -> str:
        """The passage's id."""
        ...

    @property
    def start(self) -> int:
        """Where the span begins."""
        ...

    @property
    def end(self) -> int:
        """Where it ends, exclusive."""
        ...


class CitedAnswer(Protocol):
    """An answer with its citations, best first; no citation is a refusal."""

    @property
    def text(self) -> str:
        """The answer's words, "" for a refusal."""
        ...

    @property
    def citations(self) -> Sequence[CitedSpan]:
        """What the answer rests on."""
        ...

    @property
    def refused(self) -> bool:
        """Whether no evidence was found."""
        ...


class Answerer(Protocol):
    """A question and candidate passages, best first, in; a cited answer or a refusal out."""

    def __call__(self, question: str, passages: Sequence[Passage], /) -> CitedAnswer:
        """Answer from the passages alone."""
        ...


def extractor() -> Extractor:
    """The product's extractor."""
    from drovi_assets.intelligence.extract import extract

    return extract


def comparer() -> Comparer:
    """The product's judge of two statements."""
    from drovi_assets.intelligence.contradiction import compare

    return compare


def parser() -> Parser:
    """The product's parser."""
    from drovi_assets.documents.parse import parse

    return parse


def answerer() -> Answerer:
    """The product's answerer."""
    from drovi_assets.retrieval.answer import select_answer

    return select_answer


def linker() -> Answerer:
    """The product's evidence linker: the same shape, for a statement in place of a question."""
    from drovi_assets.retrieval.support import find_support

    return find_support
