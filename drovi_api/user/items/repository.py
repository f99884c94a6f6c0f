"""Records joined with the source items they were made from."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, true

from drovi_api.dependencies import ReadSession
from drovi_api.pagination import Page, by_moment, page_of
from drovi_api.user.documents import repository as documents
from drovi_api.user.items.schemas import Item, ItemDetail, ItemKind
from resources.schema import record, source_item

_RECORD = record.c
# Looked up by its key, row for row (the LIMIT keeps it so): the policies of two tables make the planner expect next to
# nothing of a join, and it then sorted all that an organisation has for every page, a hundred times as slow at 20,000.
_ORIGIN = (
    select(source_item).where(source_item.c.id == _RECORD.source_item_id).limit(1).lateral("source_item")
)
_SOURCE = _ORIGIN.c
_ORDER = by_moment(_RECORD.occurred_at, _RECORD.id)

_ITEM = (
    _RECORD.id,
    _RECORD.kind,
    _RECORD.title,
    _RECORD.path,
    _RECORD.occurred_at,
    _RECORD.superseded_at,
    _RECORD.connection_id,
    _SOURCE.stream,
    _SOURCE.provider_id,
    _SOURCE.landed_at,
)


def page(
    session: ReadSession, connection_id: UUID | None, kind: ItemKind | None, cursor: str | None, limit: int
) -> Page[Item]:
    """What is current, latest first; what has no time of its own before all else."""
    # The organisation is named beside the policy that says the same, in every list: of its value the planner knows how
    # many rows it has; of a setting it knows nothing, took a tenth of that, and sorted all for a page (14 times as slow).
    query = _joined(*_ITEM).where(_RECORD.org_id == session.principal.org_id, _RECORD.superseded_at.is_(None))
    if connection_id is not None:
        query = query.where(_RECORD.connection_id == connection_id)
    if kind is not None:
        query = query.where(_RECORD.kind == kind)
    rows = session.all(_ORDER.page(query, cursor, limit))
    return page_of(rows, limit, lambda row: Item(**_fields(row)), lambda row: (row.occurred_at, row.id))


def one(session: ReadSession, item_id: UUID) -> ItemDetail:
    """An item, what it came as, and its files."""
    query = _joined(*_ITEM, _SOURCE.content_hash, _SOURCE.payload, _RECORD.metadata)
    row = session.one(query.where(_RECORD.id == item_id), "item")
    return ItemDetail(
        **_fields(row),
        content_hash=row.content_hash.hex(),
        payload=row.payload,
        metadata=row.metadata,
        documents=documents.of_item(session, item_id),
    )


def _joined(*columns: Any) -> Select[Any]:
    return select(*columns).join_from(record, _ORIGIN, true())


def _fields(row: Row[Any]) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in _ITEM}
