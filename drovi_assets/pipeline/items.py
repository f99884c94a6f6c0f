"""The queue of landed items: which are pending, what they hold, and what becomes of older versions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, case, func, select, update

from drovi_assets.records.normalise import SourceItem
from drovi_assets.retrieval.index import forget
from resources.schema import connection as connection_table
from resources.schema import document, intelligence_object, record, source_item

_HISTORY = timedelta(days=1)


def pending(
    connection: Connection, connection_id: UUID, limit: int, *, but: Collection[UUID] = ()
) -> list[tuple[UUID, str]]:
    """Current items, ``but`` those, that nothing was derived from yet, each with its window.

    What landed last comes first: a message of now does not wait for the history before it. Read backwards from
    an index, so the cost is that of ``limit`` rows, however many wait.
    """
    query = (
        select(source_item.c.id, source_item.c.window)
        .where(
            source_item.c.connection_id == connection_id,
            source_item.c.processed_at.is_(None),
            source_item.c.superseded_at.is_(None),
            source_item.c.id.not_in(but),
        )
        .order_by(source_item.c.landed_at.desc(), source_item.c.id.desc())
        .limit(limit)
    )
    return [(row.id, row.window) for row in connection.execute(query)]


def of_window(connection: Connection, connection_id: UUID, window: str) -> list[UUID]:
    """Every current item of a partition, in a stable order: what a replay derives anew."""
    query = (
        select(source_item.c.id)
        .where(
            source_item.c.connection_id == connection_id,
            source_item.c.window == window,
            source_item.c.superseded_at.is_(None),
        )
        .order_by(source_item.c.stream, source_item.c.provider_id)
    )
    return list(connection.execute(query).scalars())


def load(connection: Connection, item_ids: Sequence[UUID]) -> list[SourceItem]:
    """The items, in the order of their ids."""
    query = (
        select(
            source_item.c.id,
            source_item.c.connection_id,
            source_item.c.audience_id,
            source_item.c.stream,
            source_item.c.provider_id,
            source_item.c.payload,
            source_item.c.blob,
            source_item.c.occurred_at,
            connection_table.c.config,
        )
        .join(connection_table, connection_table.c.id == source_item.c.connection_id)
        .where(source_item.c.id.in_(item_ids))
        .order_by(source_item.c.id)
    )
    rows = connection.execute(query)
    return [SourceItem(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds from when an item was landed, and occurred, until it was processed; by the database's clock.

    ``occurred`` is None for what was over a day old when it was landed: history is not late.
    """

    landed: float
    occurred: float | None


def mark_processed(connection: Connection, item_ids: Sequence[UUID]) -> list[Delay]:
    """Take items off the queue; in the transaction that stores the last of what is derived from them.

    Returns how long each took.
    """
    landed, occurred = source_item.c.landed_at, source_item.c.occurred_at
    late = case((occurred > landed - _HISTORY, _seconds_since(occurred)))
    processed = (
        update(source_item)
        .where(source_item.c.id.in_(item_ids))
        .values(processed_at=func.now())
        .returning(_seconds_since(landed), late)
    )
    return [
        Delay(float(since_landed), None if since_occurred is None else float(since_occurred))
        for since_landed, since_occurred in connection.execute(processed)
    ]


def _seconds_since(moment: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.extract("epoch", func.now() - moment)


def retire_older_versions(connection: Connection, org_id: UUID, items: Sequence[SourceItem]) -> int:
    """Close what was derived from superseded versions of these items: kept for history, no longer found.

    Returns the number of documents retired.
    """
    older = source_item.alias("older")
    newer = source_item.alias("newer")
    stale_documents = (
        select(document.c.id)
        .join(record, record.c.id == document.c.record_id)
        .join(older, older.c.id == record.c.source_item_id)
        .join(
            newer,
            (newer.c.connection_id == older.c.connection_id)
            & (newer.c.stream == older.c.stream)
            & (newer.c.provider_id == older.c.provider_id)
            & (newer.c.id != older.c.id),
        )
        .where(
            newer.c.id.in_([item.id for item in items]),
            older.c.superseded_at.is_not(None),
            document.c.superseded_at.is_(None),
        )
    )
    stale = list(connection.execute(stale_documents).scalars())
    if not stale:
        return 0
    forget(connection, org_id, stale)
    now = func.now()
    connection.execute(update(document).where(document.c.id.in_(stale)).values(superseded_at=now))
    stale_records = select(document.c.record_id).where(document.c.id.in_(stale))
    connection.execute(update(record).where(record.c.id.in_(stale_records)).values(superseded_at=now))
    connection.execute(
        update(intelligence_object)
        .where(intelligence_object.c.document_id.in_(stale), intelligence_object.c.superseded_at.is_(None))
        .values(superseded_at=now)
    )
    return len(stale)
