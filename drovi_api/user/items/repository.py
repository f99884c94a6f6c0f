"""Records joined with the source items they were made from."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Subquery, select, true

from drovi_api.dependencies import ReadSession
from drovi_api.pagination import Page, by_moment, page_of
from drovi_api.user.documents import repository as documents
from drovi_api.user.items.schemas import Item, ItemDetail, ItemKind
from resources.schema import record, source_item

_RECORD = record.c
_ORDER = by_moment(_RECORD.occurred_at, _RECORD.id)

_OF_RECORD = ("id", "kind", "title", "path", "occurred_at", "superseded_at", "connection_id")
_OF_SOURCE = ("stream", "provider_id", "landed_at")


def page(
    session: ReadSession, connection_id: UUID | None, kind: ItemKind | None, cursor: str | None, limit: int
) -> Page[Item]:
    """What is current, latest first; what has no time of its own before all else."""
    # The organisation is named beside the policy that says the same, in every list: of its value the planner knows how
    # many rows it has; of a setting it knows nothing, took a tenth of that, and sorted all for a page (14 times as slow).
    query = select(record).where(_RECORD.org_id == session.principal.org_id, _RECORD.superseded_at.is_(None))
    if connection_id is not None:
        query = query.where(_RECORD.connection_id == connection_id)
    if kind is not None:
        query = query.where(_RECORD.kind == kind)
    shown = _ORDER.page(query, cursor, limit).subquery("shown")
    latest_first = shown.c.occurred_at.desc(), shown.c.id.desc()
    rows = session.all(_with_source(shown).order_by(*latest_first))
    return page_of(rows, limit, lambda row: Item(**_fields(row)), lambda row: (row.occurred_at, row.id))


def one(session: ReadSession, item_id: UUID) -> ItemDetail:
    """An item, what it came as, and its files."""
    found = select(record).where(_RECORD.id == item_id).subquery("found")
    row = session.one(_with_source(found, "content_hash", "payload").add_columns(found.c.metadata), "item")
    return ItemDetail(
        **_fields(row),
        content_hash=row.content_hash.hex(),
        payload=row.payload,
        metadata=row.metadata,
        documents=documents.of_item(session, item_id),
    )


def _with_source(records: Subquery, *more: str) -> Select[Any]:
    """Each record with the item it was made from, looked up by its key, row for row (the LIMIT keeps it so).

    The policies of two tables make the planner expect next to nothing of a join: it then joined and sorted all that an
    organisation has for every page, a hundred times as slow at 20,000 items.
    """
    source = (
        select(source_item).where(source_item.c.id == records.c.source_item_id).limit(1).lateral("source")
    )
    columns = [records.c[name] for name in _OF_RECORD] + [source.c[name] for name in (*_OF_SOURCE, *more)]
    return select(*columns).join_from(records, source, true())


def _fields(row: Row[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in (*_OF_RECORD, *_OF_SOURCE)}
