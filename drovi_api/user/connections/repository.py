"""Connections. The database shows a caller those of their organisation that they may know of, and no others."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.pagination import Page, by_id, page_of
from drovi_api.user.connections.schemas import Connection
from drovi_assets.connectors import rhythms
from resources.database import Lookup
from resources.schema import app_user, connection, job, organisation

SYNC = "sync"
"""The kind of job that reads a connection once."""

_CONNECTION = connection.c
_ORDER = by_id(_CONNECTION.id)
_COLUMNS = (
    *(connection.c[name] for name in Connection.model_fields if name in connection.c),
    rhythms.SHOWN,
    app_user.c.name.label("owner_name"),
)
# An owner who left is nobody the caller may see: the connection stays without their name.
_CONNECTIONS = select(*_COLUMNS).outerjoin_from(connection, app_user, app_user.c.id == _CONNECTION.owner_id)

# One that is being erased is gone already, for everybody.
_THERE = _CONNECTIONS.where(_CONNECTION.status != "erasing")
_ONE = Lookup(_THERE.where(_CONNECTION.id == bindparam("connection_id")))


def page(session: ReadSession, cursor: str | None, limit: int) -> Page[Connection]:
    """Newest first."""
    rows = session.all(_ORDER.page(_THERE, cursor, limit))
    return page_of(rows, limit, _connection, lambda row: (row.id,))


def one(session: ReadSession, connection_id: UUID) -> Connection:
    """A connection the caller may know of."""
    return _connection(session.found(_ONE, "connection", connection_id=connection_id))


def change(session: WriteSession, connection_id: UUID, **values: Any) -> None:
    """Store new values of a connection's columns."""
    session.run(update(connection).where(_CONNECTION.id == connection_id).values(values))


def owner(session: ReadSession) -> Row[Any]:
    """The caller, as a letter to them needs it: address, name, language, and the organisation's name."""
    query = select(
        app_user.c.email, app_user.c.name, app_user.c.locale, organisation.c.name.label("organisation")
    ).join_from(app_user, organisation, organisation.c.id == session.principal.org_id)
    return session.one(query.where(app_user.c.id == session.principal.user_id), "user")


def request_sync(
    session: WriteSession, connection_id: UUID, idempotency_key: str | None
) -> tuple[UUID, bool]:
    """The id of the job that will read the connection now, and whether this request made it.

    A repeated key gets the job it made the first time. Without one, a sync that waits to start serves
    everybody who asks meanwhile: it will read all that is there when it starts.
    """
    if idempotency_key is None:
        waiting = (
            select(job.c.id)
            .where(job.c.connection_id == connection_id, job.c.kind == SYNC, job.c.status == "queued")
            .limit(1)
        )
        found: UUID | None = session.connection.execute(waiting).scalar_one_or_none()
        if found is not None:
            return found, False
    key = f"{SYNC}:{connection_id}:{idempotency_key or uuid4()}"
    values = {
        "org_id": session.principal.org_id,
        "connection_id": connection_id,
        "kind": SYNC,
        "idempotency_key": key,
        "requested_by": session.principal.user_id,
    }
    asked = insert(job).values(values).on_conflict_do_nothing().returning(job.c.id)
    made: UUID | None = session.run(asked).scalar_one_or_none()
    if made is not None:
        return made, True
    by_key = select(job.c.id).where(job.c.org_id == session.principal.org_id, job.c.idempotency_key == key)
    first: UUID = session.connection.execute(by_key).scalar_one()
    return first, False


def _connection(row: Any) -> Connection:
    return Connection.model_validate(row, from_attributes=True)
