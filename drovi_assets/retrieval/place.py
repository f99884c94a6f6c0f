"""Where a span of a document stands on the page: from character offsets to boxes that can be highlighted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from drovi_assets.documents.model import Box, merge_lines


@dataclass(frozen=True, slots=True)
class DocumentSpan:
    """``document.text[start:end]``: offsets in code points, end exclusive."""

    document_id: UUID
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Place:
    """The page a span starts on and its boxes there, one a line; no page and no boxes where a format has none.

    Boxes are ``(x0, y0, x1, y1)`` in points from the top left.
    """

    page: int | None
    boxes: tuple[Box, ...]


_BLOCKS = text("""
SELECT s.ordinal, b.page, b.start, b.boxes, b.word_offsets, b.word_boxes
FROM unnest(CAST(:documents AS uuid[]), CAST(:starts AS integer[]), CAST(:ends AS integer[]))
     WITH ORDINALITY AS s (document_id, start, stop, ordinal)
JOIN block b ON b.document_id = s.document_id AND b.start < s.stop AND b."end" > s.start
ORDER BY s.ordinal, b.ordinal
""")


def places(connection: Connection, spans: Sequence[DocumentSpan]) -> list[Place]:
    """The place of each span, in the order given, in one query. What the caller may not see has no place."""
    if not spans:
        return []
    rows = connection.execute(
        _BLOCKS,
        {
            "documents": [span.document_id for span in spans],
            "starts": [span.start for span in spans],
            "ends": [span.end for span in spans],
        },
    )
    blocks: list[list[Any]] = [[] for _ in spans]
    for row in rows:
        blocks[row.ordinal - 1].append(row)
    return [_place(span, own) for span, own in zip(spans, blocks, strict=True)]


def _place(span: DocumentSpan, blocks: Sequence[Any]) -> Place:
    if not blocks:
        return Place(None, ())
    page: int | None = blocks[0].page
    boxes: list[Box] = []
    for block in blocks:
        if block.page == page:  # a highlight is on one page: the one where the quote begins
            boxes += _boxes(block, span.start - block.start, span.end - block.start)
    return Place(page, tuple(boxes))


def _boxes(block: Any, start: int, end: int) -> tuple[Box, ...]:
    """Boxes of the block's words in ``[start, end)``; the block's own where its format gave no words."""
    offsets, flat = block.word_offsets, block.word_boxes
    inside: list[Box] = [
        (flat[2 * i], flat[2 * i + 1], flat[2 * i + 2], flat[2 * i + 3])
        for i in range(0, len(offsets), 2)
        if offsets[i] < end and offsets[i + 1] > start
    ]
    if inside:
        return merge_lines(inside)
    return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in block.boxes)
