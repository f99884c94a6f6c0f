"""The parsed document: what every format becomes, and the only shape the rest of Drovi reads.

Offsets are Unicode code points, start inclusive, end exclusive. Boxes are ``(x0, y0, x1, y1)`` in
PDF points from the top left of the page. Pages count from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

Box = tuple[float, float, float, float]
BlockKind = Literal[
    "title", "paragraph", "list_item", "table", "header", "footer", "caption", "code", "other"
]

BLOCK_SEPARATOR = "\n\n"
"""Stands between the texts of two blocks in a document's text."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word's place: ``start`` and ``end`` count from the start of its block's text."""

    start: int
    end: int
    box: Box


@dataclass(frozen=True, slots=True)
class Page:
    """A page's size in points, as displayed (rotation applied)."""

    number: int
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document's layout, in reading order.

    ``page`` is None where the format has no pages; ``words`` is empty where it has no geometry.
    ``section`` is the text of the nearest heading above, "" at the top. ``html`` holds a table's markup.
    """

    kind: BlockKind
    text: str
    page: int | None = None
    boxes: tuple[Box, ...] = ()
    section: str = ""
    words: tuple[Word, ...] = ()
    html: str = ""

    def boxes_of(self, start: int, end: int) -> tuple[Box, ...]:
        """Boxes that cover ``text[start:end]``, one per line; the block's own where words have none."""
        inside = [word.box for word in self.words if word.start < end and word.end > start]
        return merge_lines(inside) if inside else self.boxes


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a file says, where it says it, and what could not be read.

    ``title`` is "" where the file names none. ``metadata`` holds plain JSON values (a mail file's
    headers: ``from``, ``to``, ``cc``, ``date`` as ISO 8601, ``subject``, ``message_id``, ``in_reply_to``,
    ``references``). ``attachments`` are documents of their own, parsed by whoever asked for this one.
    """

    media_type: str
    blocks: tuple[Block, ...]
    pages: tuple[Page, ...] = ()
    title: str = ""
    language: str = ""
    warnings: tuple[str, ...] = ()
    metadata: dict[str, object] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()

    @property
    def text(self) -> str:
        """The blocks' texts in reading order, joined by ``BLOCK_SEPARATOR``; every offset counts here."""
        return BLOCK_SEPARATOR.join(block.text for block in self.blocks)

    def placed(self) -> Iterator[tuple[int, Block]]:
        """Each block with the offset of its first character in ``text``."""
        at = 0
        for block in self.blocks:
            yield at, block
            at += len(block.text) + len(BLOCK_SEPARATOR)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a file: a mail's attachment, a message of an mbox.

    ``path`` is its place inside the container ("1/contract.pdf"), unique there.
    """

    path: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """The retrieval unit: whole blocks, or whole sentences of a long one; never across a page's end.

    ``text == document.text[start:end]`` always holds. ``quoted`` marks words that are not the author's
    own: the quoted or forwarded part of a mail.
    """

    ordinal: int
    start: int
    end: int
    text: str
    page: int | None
    section: str
    quoted: bool = False


def merge_lines(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Join the boxes of consecutive words into one box per line of text."""
    lines: list[Box] = []
    for box in boxes:
        if lines and _same_line(lines[-1], box):
            lines[-1] = union((lines[-1], box))
        else:
            lines.append(box)
    return tuple(lines)


def union(boxes: Iterable[Box]) -> Box:
    """The smallest box around all of them."""
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return (min(x0s), min(y0s), max(x1s), max(y1s))


def _same_line(line: Box, word: Box) -> bool:
    """Words share a line when they overlap by half the smaller height and do not jump back a column."""
    overlap = min(line[3], word[3]) - max(line[1], word[1])
    smaller = min(line[3] - line[1], word[3] - word[1])
    return overlap > smaller / 2 and word[0] >= line[0]
