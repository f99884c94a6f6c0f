"""Readers that changed at the provider: what was derived from an item follows it, in the page's own transaction.

Every version of an item has the readers of its current one, and so has all that was derived from them: whom the
provider shows a thing, it shows its past, and whom it stopped showing it, reads no old version here either. Sharing a
whole source is no matter of this room: its rows stay as they are (docs/decisions, 0007).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from drovi_assets.connectors.landing import LandingScope
from resources import audiences

Follow = Callable[[Connection, UUID, Collection[UUID]], object]
"""Has the search index give the chunks of documents the audiences that they have (``drovi_assets.retrieval``)."""

# By provider id and not by item: the older versions go along.
_ITEMS = """
SELECT item.id, item.audience_id, current.audience_id AS wanted FROM source_item current
JOIN source_item item USING (connection_id, stream, provider_id)
WHERE current.connection_id = :connection_id AND current.stream = :stream AND current.provider_id = ANY (:ids)
  AND current.superseded_at IS NULL
"""
_MOVE_ITEMS = text(
    f"""
    UPDATE source_item SET audience_id = moved.wanted FROM ({_ITEMS}) moved
    WHERE source_item.id = moved.id AND source_item.audience_id <> moved.wanted
    """  # noqa: S608 - joined from constants of this module
)
_MOVE_RECORDS = text(
    f"""
    UPDATE record SET audience_id = moved.wanted FROM ({_ITEMS}) moved
    WHERE record.source_item_id = moved.id AND record.audience_id <> moved.wanted
    """  # noqa: S608 - joined from constants of this module
)
_MOVE_DOCUMENTS = text(
    f"""
    UPDATE document SET audience_id = moved.wanted FROM record JOIN ({_ITEMS}) moved ON moved.id = record.source_item_id
    WHERE document.record_id = record.id AND document.audience_id <> moved.wanted
    RETURNING document.id
    """  # noqa: S608 - joined from constants of this module
)
_MOVE_PARTS = tuple(
    text(
        f"UPDATE {table} SET audience_id = document.audience_id FROM document"  # noqa: S608 - three names
        f" WHERE document.id = ANY (:documents) AND {table}.document_id = document.id"
    )
    for table in ("block", "chunk", "evidence")
)
_EVIDENCE = text(
    """
    SELECT object_id, array_agg(DISTINCT audience_id) AS audiences FROM evidence
    WHERE object_id IN (SELECT object_id FROM evidence WHERE document_id = ANY (:documents))
    GROUP BY object_id
    """
)
_MOVE_OBJECTS = text("UPDATE intelligence_object SET audience_id = :audience WHERE id = ANY (:objects)")


def follow_readers(
    connection: Connection, scope: LandingScope, provider_ids: Sequence[str], follow: Follow
) -> int:
    """Give all that was derived from these ids the audience of their current item; returns how many documents moved."""
    names = {"connection_id": scope.connection_id, "stream": scope.stream, "ids": list(provider_ids)}
    connection.execute(_MOVE_ITEMS, names)
    connection.execute(_MOVE_RECORDS, names)
    documents = connection.execute(_MOVE_DOCUMENTS, names).scalars().all()
    if documents:
        for statement in _MOVE_PARTS:
            connection.execute(statement, {"documents": list(documents)})
        follow(connection, scope.org_id, documents)
        _move_objects(connection, scope.org_id, documents)
    return len(documents)


def _move_objects(connection: Connection, org_id: UUID, documents: Sequence[UUID]) -> None:
    """To those who may read all of an object's evidence, in whatever documents that stands."""
    resting_on: dict[frozenset[UUID], list[UUID]] = defaultdict(list)
    for row in connection.execute(_EVIDENCE, {"documents": list(documents)}):
        resting_on[frozenset(row.audiences)].append(row.object_id)
    for grounds, objects in resting_on.items():
        audience = audiences.intersection(connection, org_id, grounds)
        connection.execute(_MOVE_OBJECTS, {"audience": audience, "objects": objects})
