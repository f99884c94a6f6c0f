"""Legal holds: what must not go while a dispute lasts, whoever asks for it to go, its own source included.

A deletion at the source that meets a hold sets its tombstone as ever, and hides what it would have removed: the item
and all that was derived from it are superseded, and leave the search. The tombstone's receipt says ``held``; once no
hold stands any more, ``drovi_assets.chores.holds`` removes what those tombstones stand on. An id that comes back at
the source meanwhile is given back to it as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, or_, select, text

from drovi_assets.connectors.contract import Change
from drovi_assets.connectors.landing import LandingScope
from resources.errors import Conflict
from resources.schema import app_user, legal_hold

_HELD = text(
    """
    UPDATE tombstone SET receipt = receipt || '{"held": true}'
    WHERE connection_id = :connection_id AND stream = :stream AND provider_id = ANY (:ids)
    """
)
_DOCUMENTS = text(
    """
    SELECT document.id FROM record JOIN document ON document.record_id = record.id
    WHERE record.source_item_id = ANY (:items)
    """
)
_HIDE = (
    "UPDATE document SET superseded_at = now() WHERE id = ANY (:documents) AND superseded_at IS NULL",
    "UPDATE intelligence_object SET superseded_at = now() WHERE document_id = ANY (:documents) AND superseded_at IS NULL",
    "UPDATE record SET superseded_at = now() WHERE source_item_id = ANY (:items) AND superseded_at IS NULL",
    "UPDATE source_item SET superseded_at = now() WHERE id = ANY (:items) AND superseded_at IS NULL",
)
_ANY_DELETED = text(
    "SELECT EXISTS (SELECT FROM tombstone WHERE connection_id = :connection_id AND stream = :stream)"
)
# The highest version becomes current again and is derived anew, so that landing meets it as if nothing had been.
_GIVE_BACK = text(
    """
    WITH back AS (
        UPDATE tombstone SET receipt = receipt - 'held'
        FROM unnest(CAST(:ids AS text[]), CAST(:versions AS bigint[])) AS change (provider_id, version)
        WHERE tombstone.connection_id = :connection_id AND tombstone.stream = :stream
          AND tombstone.receipt ? 'held' AND tombstone.provider_id = change.provider_id
          AND change.version > tombstone.version
        RETURNING tombstone.provider_id
    ), newest AS (
        SELECT DISTINCT ON (item.provider_id) item.id FROM source_item item JOIN back USING (provider_id)
        WHERE item.connection_id = :connection_id AND item.stream = :stream
        ORDER BY item.provider_id, item.version DESC, item.landed_at DESC
    )
    UPDATE source_item SET superseded_at = NULL, processed_at = NULL FROM newest WHERE source_item.id = newest.id
    """
)


def standing(connection_ids: Collection[UUID] = ()) -> Select[tuple[UUID]]:
    """The holds in force on any of these connections or on the organisation as a whole, the oldest first."""
    covers: ColumnElement[bool] = legal_hold.c.connection_id.is_(None)
    if connection_ids:
        covers = or_(covers, legal_hold.c.connection_id.in_(connection_ids))
    return standing_anywhere().where(covers)


def standing_anywhere() -> Select[tuple[UUID]]:
    """The holds in force on anything of the organisation, the oldest first."""
    return select(legal_hold.c.id).where(legal_hold.c.released_at.is_(None)).order_by(legal_hold.c.placed_at)


def stands(connection: Connection, connection_id: UUID) -> bool:
    """Whether a hold covers a connection, in a transaction of its organisation."""
    return connection.execute(standing([connection_id]).limit(1)).first() is not None


def require_none(connection: Connection, which: Select[tuple[UUID]]) -> None:
    """Refuse an act that a hold of ``which`` forbids.

    Raises:
        Conflict: one stands; it says who placed it.
    """
    query = (
        which.with_only_columns(app_user.c.name)
        .outerjoin_from(legal_hold, app_user, app_user.c.id == legal_hold.c.placed_by)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is not None:
        raise Conflict(
            "A legal hold stands on it.", remedy=f"Ask {row.name or 'an owner'} to release the hold first."
        )


def keep(
    connection: Connection,
    scope: LandingScope,
    items: Sequence[Row[tuple[UUID, str, str | None]]],
    forget: Callable[[Connection, UUID, Collection[UUID]], object],
) -> None:
    """Hide deleted items (rows of id, provider id and blob) and what was derived from them, and remember that they are held."""
    ids = [item.id for item in items]
    documents = list(connection.execute(_DOCUMENTS, {"items": ids}).scalars())
    if documents:
        forget(connection, scope.org_id, documents)
    for statement in _HIDE:
        connection.execute(text(statement), {"items": ids, "documents": documents})
    names = {"connection_id": scope.connection_id, "stream": scope.stream}
    connection.execute(_HELD, {**names, "ids": sorted({item.provider_id for item in items})})


def give_back(connection: Connection, scope: LandingScope, changes: Sequence[Change]) -> None:
    """Before changes land: ids among them that a hold kept, and that are newer than their deletion, are current again."""
    names = {"connection_id": scope.connection_id, "stream": scope.stream}
    # Most streams have no tombstone at all: asked first, a page's ids need not be sent a second time.
    if changes and connection.execute(_ANY_DELETED, names).scalar_one():
        ids = [change.provider_id for change in changes]
        versions = [change.version for change in changes]
        connection.execute(_GIVE_BACK, {**names, "ids": ids, "versions": versions})
