"""Stage 1: source items to records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, Row, or_
from sqlalchemy.dialects.postgresql import insert

from drovi_assets.pipeline.items import retire_older_versions
from drovi_assets.records.normalise import NORMALISER_VERSION, SourceItem, normalise
from resources.events.envelope import RecordsWritten, tell
from resources.hashing import derive_id
from resources.schema import record


def record_id(item_id: UUID) -> UUID:
    """The id of the one record of an item."""
    return derive_id("record", str(item_id))


def write_records(connection: Connection, org_id: UUID, items: Sequence[SourceItem]) -> int:
    """Store the envelope of each item; an item that came back after a change is current again.

    What is written is told; what says nothing new is neither. Returns the number of records.
    """
    retire_older_versions(connection, org_id, items)
    rows = []
    for item in items:
        draft = normalise(item)
        rows.append(
            {
                "id": record_id(item.id),
                "org_id": org_id,
                "audience_id": item.audience_id,
                "connection_id": item.connection_id,
                "source_item_id": item.id,
                "kind": draft.kind,
                "title": draft.title,
                "path": draft.path,
                "occurred_at": draft.occurred_at,
                "metadata": draft.metadata,
                "normaliser_version": NORMALISER_VERSION,
                "superseded_at": None,
            }
        )
    if rows:
        statement = insert(record).values(rows)
        replaced = {name: statement.excluded[name] for name in rows[0] if name not in {"id", "org_id"}}
        changed = or_(*(record.c[name].is_distinct_from(value) for name, value in replaced.items()))
        upsert = statement.on_conflict_do_update(index_elements=["id"], set_=replaced, where=changed)
        written = connection.execute(upsert.returning(record.c.connection_id, record.c.id)).all()
        _tell(connection, org_id, written)
    return len(rows)


def _tell(connection: Connection, org_id: UUID, written: Sequence[Row[tuple[UUID, UUID]]]) -> None:
    """One event a batch and connection."""
    by_connection: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for row in written:
        by_connection[row.connection_id].append(row.id)
    for connection_id, ids in by_connection.items():
        body = RecordsWritten(connection_id=connection_id, record_ids=tuple(ids))
        tell(connection, org_id, body, key=str(connection_id))
