"""Routes of items."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from drovi_api.dependencies import Reads, feature
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.user.items import repository
from drovi_api.user.items.schemas import Item, ItemDetail, ItemKind

router = feature("/items", "items")


@router.get("", operation_id="list_items", summary="List what was read from sources")
def list_items(
    session: Reads,
    connection_id: Annotated[UUID | None, Query(description="Only from this connection.")] = None,
    kind: Annotated[ItemKind | None, Query(description="Only this kind.")] = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[Item]:
    """Messages, documents, events, contacts and rows, latest first."""
    return repository.page(session, connection_id, kind, cursor, limit)


@router.get("/{item_id}", operation_id="get_item", summary="Read an item", responses=problem_responses(404))
def get_item(session: Reads, item_id: UUID) -> ItemDetail:
    """One item as its source gave it, and the files it became."""
    return repository.one(session, item_id)
