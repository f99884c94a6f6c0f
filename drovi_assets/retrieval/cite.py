"""Citations: a span of a document with its place on the page, and an id by which it can be shown again.

The id is that of a stored evidence of exactly these words where there is one. Otherwise it says itself where the words
stand, ``<chunk id>:<start>-<end>`` in offsets of the document's text: nothing has to be stored to cite, and a citation
can be shown for as long as its document exists and only to those who may read it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from drovi_assets.documents.model import Box
from drovi_assets.retrieval.place import DocumentSpan, Place, places
from resources.database import sole
from resources.errors import NotFound

_SPAN_ID = re.compile(r"(?P<chunk>[0-9a-f-]{36}):(?P<start>\d{1,9})-(?P<end>\d{1,9})")


@dataclass(frozen=True, slots=True)
class Cited:
    """Words to be cited: ``document.text[start:end] == quote``, inside the chunk."""

    chunk_id: UUID
    document_id: UUID
    path: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Citation:
    """Exact words and their exact place; boxes in points from the page's top left, one a line."""

    quote: str
    path: str
    page: int | None
    boxes: tuple[Box, ...]
    start: int
    end: int
    evidence_id: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A citation in its place: the passage around it, and the document it stands in.

    ``object_id`` is the intelligence object it proves, None for a citation of an answer. ``passage_start`` is the
    passage's first character in the document's text; ``pages`` are ``[width, height]`` in points, page 1 first.
    """

    quote: str
    path: str
    page: int | None
    boxes: tuple[Box, ...]
    start: int
    end: int
    evidence_id: str
    document_id: UUID
    object_id: UUID | None
    title: str
    media_type: str
    section: str
    passage: str
    passage_start: int
    pages: tuple[tuple[float, float], ...]


def span_id(chunk_id: UUID, start: int, end: int) -> str:
    """The id of a span that no stored evidence covers."""
    return f"{chunk_id}:{start}-{end}"


def cite(connection: Connection, cited: Sequence[Cited]) -> list[Citation]:
    """The citation of each span, in order, in two queries."""
    if not cited:
        return []
    placed = places(connection, [DocumentSpan(one.document_id, one.start, one.end) for one in cited])
    stored = _stored(connection, cited)
    return [
        Citation(
            quote=one.quote,
            path=one.path,
            page=place.page,
            boxes=place.boxes,
            start=one.start,
            end=one.end,
            evidence_id=stored.get((one.document_id, one.start, one.end))
            or span_id(one.chunk_id, one.start, one.end),
        )
        for one, place in zip(cited, placed, strict=True)
    ]


def resolve(connection: Connection, evidence_id: str) -> Shown:
    """What an evidence id stands for, for a caller who may read it.

    Raises:
        NotFound: no such evidence, or not for this caller: the two answer alike.
    """
    span = _SPAN_ID.fullmatch(evidence_id)
    try:
        stored = UUID(span["chunk"] if span else evidence_id)
    except ValueError:
        raise _missing() from None
    if span:
        return _show_span(connection, stored, int(span["start"]), int(span["end"]))
    row = sole(connection.execute(_EVIDENCE, {"id": stored}).all(), "evidence")
    boxes = tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in row.boxes)
    return _shown(row, DocumentSpan(row.document_id, row.start, row.end), Place(row.page, boxes), evidence_id)


def _show_span(connection: Connection, chunk_id: UUID, start: int, end: int) -> Shown:
    row = sole(connection.execute(_CHUNK, {"id": chunk_id}).all(), "evidence")
    if not row.passage_start <= start < end <= row.passage_start + len(row.passage):
        raise _missing()
    span = DocumentSpan(row.document_id, start, end)
    (place,) = places(connection, [span])
    return _shown(row, span, place, span_id(chunk_id, start, end))


def _shown(row: Any, span: DocumentSpan, place: Place, evidence_id: str) -> Shown:
    return Shown(
        quote=row.passage[span.start - row.passage_start : span.end - row.passage_start],
        path=row.path,
        page=place.page,
        boxes=place.boxes,
        start=span.start,
        end=span.end,
        evidence_id=evidence_id,
        document_id=row.document_id,
        object_id=row.object_id,
        title=row.title,
        media_type=row.media_type,
        section=row.section,
        passage=row.passage,
        passage_start=row.passage_start,
        pages=tuple((width, height) for width, height in row.pages),
    )


def _missing() -> NotFound:
    return NotFound("There is no such evidence.", remedy="Check the id, and that you may see it.")


def _stored(connection: Connection, cited: Sequence[Cited]) -> dict[tuple[UUID, int, int], str]:
    """Ids of the evidence rows of exactly these spans; the oldest id of several, so that it stays the same."""
    rows = connection.execute(
        _COVERING,
        {
            "documents": [one.document_id for one in cited],
            "starts": [one.start for one in cited],
            "ends": [one.end for one in cited],
        },
    )
    return {(row.document_id, row.start, row.end): row.id for row in rows}


_COVERING = text("""
SELECT e.document_id, e.start, e."end", min(e.id::text) AS id
FROM unnest(CAST(:documents AS uuid[]), CAST(:starts AS integer[]), CAST(:ends AS integer[])) AS s (document_id, start, stop)
JOIN evidence e ON e.document_id = s.document_id AND e.start = s.start AND e."end" = s.stop
GROUP BY e.document_id, e.start, e."end"
""")

_EVIDENCE = text("""
SELECT e.start, e."end", e.page, e.boxes, e.object_id, d.id AS document_id, d.path, d.title, d.media_type, d.pages,
       c.section, c.text AS passage, c.start AS passage_start
FROM evidence e JOIN document d ON d.id = e.document_id JOIN chunk c ON c.id = e.chunk_id
WHERE e.id = :id
""")

_CHUNK = text("""
SELECT CAST(NULL AS uuid) AS object_id, d.id AS document_id, d.path, d.title, d.media_type, d.pages,
       c.section, c.text AS passage, c.start AS passage_start
FROM chunk c JOIN document d ON d.id = c.document_id
WHERE c.id = :id
""")
