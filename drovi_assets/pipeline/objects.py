"""Stage 3: documents to intelligence objects, each with evidence placed on its page."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select, update

from drovi_assets.intelligence.extract import EXTRACTOR_VERSION, extract
from drovi_assets.intelligence.model import ExtractedObject, Quote, TextContext
from drovi_assets.retrieval.place import DocumentSpan, Place, places
from resources.events.envelope import ObjectsChanged, tell
from resources.hashing import derive_id
from resources.schema import chunk, document, evidence, intelligence_object


def write_objects(connection: Connection, org_id: UUID, document_ids: Sequence[UUID]) -> Counter[str]:
    """Extract from the documents; what stands already stays, what is no longer found is superseded.

    Returns how many objects of each kind the documents hold now.
    """
    documents = connection.execute(
        select(document)
        .where(document.c.id.in_(document_ids), document.c.status == "parsed")
        .order_by(document.c.id)
    ).all()
    counts: Counter[str] = Counter()
    for one in documents:
        found = _objects_of(connection, one)
        _store(connection, org_id, one, found)
        counts.update(row["kind"] for row, _ in found)
    return counts


def _objects_of(
    connection: Connection, one: Row[*tuple[Any, ...]]
) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    context = TextContext(
        author=one.author,
        recipients=tuple(one.metadata.get("to") or ()),
        # A file's modification time says nothing about "tomorrow" in its text; a mail's date does.
        written_at=one.occurred_at if one.metadata.get("date") else None,
        title=one.title,
    )
    extracted = extract(one.text, context)
    if not extracted:
        return []
    chunks = connection.execute(
        select(chunk.c.id, chunk.c.start, chunk.c.end)
        .where(chunk.c.document_id == one.id)
        .order_by(chunk.c.start)
    ).all()
    quotes = [quote for object_ in extracted for quote in object_.evidence]
    spans = [DocumentSpan(one.id, quote.start, quote.end) for quote in quotes]
    placed = dict(zip(quotes, places(connection, spans), strict=True))
    found = []
    for object_ in extracted:
        rows = [row for quote in object_.evidence if (row := _evidence(quote, chunks, placed[quote]))]
        if rows:
            found.append((_object(one, object_), rows))
    return found


def _object(one: Row[*tuple[Any, ...]], extracted: ExtractedObject) -> dict[str, Any]:
    spans = ",".join(f"{quote.start}-{quote.end}" for quote in extracted.evidence)
    return {
        "id": derive_id(
            "object", str(one.id), extracted.kind.value, spans, extracted.text, EXTRACTOR_VERSION
        ),
        "kind": extracted.kind.value,
        "text": extracted.text,
        "slots": extracted.slots,
        "confidence": extracted.confidence,
        "valid_from": one.occurred_at if one.metadata.get("date") else None,
    }


def _evidence(quote: Quote, chunks: Sequence[Row[*tuple[Any, ...]]], place: Place) -> dict[str, Any] | None:
    """The row of a quote, or None where no one chunk holds it: then there is nothing to prove it by."""
    at = bisect_right(chunks, quote.start, key=lambda row: row.start) - 1
    if at < 0 or quote.end > chunks[at].end:
        return None
    return {
        "chunk_id": chunks[at].id,
        "quote": quote.text,
        "start": quote.start,
        "end": quote.end,
        "page": place.page,
        "boxes": [list(box) for box in place.boxes],
    }


def _store(
    connection: Connection,
    org_id: UUID,
    one: Row[*tuple[Any, ...]],
    found: Sequence[tuple[dict[str, Any], list[dict[str, Any]]]],
) -> None:
    tenant = {"org_id": org_id, "audience_id": one.audience_id, "document_id": one.id}
    wanted = {row["id"]: (row, proofs) for row, proofs in found}
    table = intelligence_object
    standing = connection.execute(
        select(table.c.id, table.c.superseded_at).where(table.c.document_id == one.id)
    ).all()
    gone = [row.id for row in standing if row.id not in wanted and row.superseded_at is None]
    back = [row.id for row in standing if row.id in wanted and row.superseded_at is not None]
    if gone:
        connection.execute(update(table).where(table.c.id.in_(gone)).values(superseded_at=func.now()))
    if back:
        connection.execute(update(table).where(table.c.id.in_(back)).values(superseded_at=None))
    known = {row.id for row in standing}
    new = [pair for key, pair in wanted.items() if key not in known]
    if new:
        connection.execute(
            insert(table), [tenant | row | {"extractor_version": EXTRACTOR_VERSION} for row, _ in new]
        )
        connection.execute(
            insert(evidence),
            [
                tenant | proof | {"object_id": row["id"], "id": _evidence_id(row["id"], proof)}
                for row, proofs in new
                for proof in proofs
            ],
        )
    if new or gone or back:
        changed = ObjectsChanged(document_id=one.id, added=len(new) + len(back), superseded=len(gone))
        tell(connection, org_id, changed, key=str(one.id))


def _evidence_id(object_id: UUID, proof: dict[str, Any]) -> UUID:
    return derive_id("evidence", str(object_id), f"{proof['start']}-{proof['end']}")
