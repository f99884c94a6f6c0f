"""Erasing a connection: its items newest window first, with all that was derived from them, and then the connection itself.

Unlike a deletion at the source it leaves no tombstone: nothing is to come back, and an id would still tell of a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection, Table, delete, func, select, text

from drovi_assets.connectors.deletions import Forget, remove_derived
from resources.schema import connection as connection_table
from resources.schema import dead_letter, delayed_event, event, legal_hold, metadata, outbox

_ITEMS = text(
    """
    SELECT id, blob FROM source_item WHERE connection_id = :connection_id
    ORDER BY "window" DESC LIMIT :limit
    """
)
_REMOVE_ITEMS = text("DELETE FROM source_item WHERE id = ANY (:items)")
_TELLING = (outbox, event, delayed_event, dead_letter)
"""Where an event may be: on its way, in the log, put off, given up."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What a step took away: how many rows of each kind, and the files that may have nobody left who refers to them."""

    counts: Mapping[str, int] = field(default_factory=dict)
    digests: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return any(self.counts.values())


def erase_items(
    connection: Connection, org_id: UUID, connection_id: UUID, forget: Forget, *, limit: int
) -> Erased:
    """Take away up to ``limit`` items of a connection, in the caller's transaction; nothing where none is left."""
    items = connection.execute(_ITEMS, {"connection_id": connection_id, "limit": limit}).all()
    return remove_items(connection, org_id, {item.id: item.blob for item in items}, forget)


def remove_items(
    connection: Connection, org_id: UUID, blob_of: Mapping[UUID, str | None], forget: Forget
) -> Erased:
    """Take away items (with the digest of each one's file) and everything derived from them, events about it included."""
    if not blob_of:
        return Erased()
    removed = remove_derived(connection, org_id, blob_of, forget)
    counts: Counter[str] = Counter(items=len(blob_of))
    for one in removed.counts.values():
        counts.update(one)
    counts["events"] = _remove_events(connection, org_id, [str(one) for one in removed.documents])
    connection.execute(_REMOVE_ITEMS, {"items": list(blob_of)})
    digests = frozenset({blob for blob in blob_of.values() if blob}).union(*removed.digests.values())
    return Erased(counts, digests)


def erase_connection(connection: Connection, connection_id: UUID) -> Erased:
    """Take away a connection without items, and what hangs on it: cursors, tombstones, secrets, jobs.

    A hold that still stands makes the database refuse.
    """
    org_id = connection.execute(
        select(connection_table.c.org_id).where(connection_table.c.id == connection_id)
    ).scalar_one()
    counts = {"events": _remove_events(connection, org_id, [str(connection_id)])}
    for table in _hanging_on_a_connection():
        mine = table.c.connection_id == connection_id
        counts[table.name] = connection.execute(
            select(func.count()).select_from(table).where(mine)
        ).scalar_one()
    connection.execute(
        delete(legal_hold).where(
            legal_hold.c.connection_id == connection_id, legal_hold.c.released_at.is_not(None)
        )
    )
    connection.execute(delete(connection_table).where(connection_table.c.id == connection_id))
    return Erased(counts | {"connection": 1})


def _remove_events(connection: Connection, org_id: UUID, keys: Sequence[str]) -> int:
    """Take away what tells of these, wherever it is in this database; how many there were."""
    return sum(
        connection.execute(delete(table).where(table.c.org_id == org_id, table.c.key.in_(keys))).rowcount
        for table in _TELLING
    )


def _hanging_on_a_connection() -> list[Table]:
    return [
        table
        for table in metadata.sorted_tables
        if any(key.column.table is connection_table for key in table.foreign_keys)
    ]
