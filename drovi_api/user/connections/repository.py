"""Connections. The database shows a caller those of their organisation that they may know of, and no others."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.pagination import Page, by_id, page_of
from drovi_api.user.connections.schemas import Connection
from resources.schema import connection, job

SYNC = "sync"
"""The kind of job that reads a connection once."""

_CONNECTION = connection.c
_ORDER = by_id(_CONNECTION.id)
_COLUMNS = tuple(connection.c[name] for name in Connection.model_fields)

# One that is being erased is gone already, for everybody.
_THERE = select(*_COLUMNS).where(_CONNECTION.status != "erasing")
# Built once: building the query anew would cost more than running it.
_ONE = _THERE.where(_CONNECTION.id == bindparam("connection_id"))


def page(session: ReadSession, cursor: str | None, limit: int) -> Page[Connection]:
    """Newest first."""
    rows = session.all(_ORDER.page(_THERE, cursor, limit))
    return page_of(rows, limit, _connection, lambda row: (row.id,))


def one(session: ReadSession, connection_id: UUID) -> Connection:
    """A connection the caller may know of."""
    return _connection(session.one(_ONE, "connection", connection_id=connection_id))


def request_sync(session: WriteSession, connection_id: UUID, idempotency_key: str | None) -> UUID:
    """The id of the job that will read the connection now.

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
            return found
    key = f"{SYNC}:{connection_id}:{idempotency_key or uuid4()}"
    values = {
        "org_id": session.principal.org_id,
        "connection_id": connection_id,
        "kind": SYNC,
        "idempotency_key": key,
        "requested_by": session.principal.user_id,
    }
    session.run(insert(job).values(values).on_conflict_do_nothing())
    by_key = select(job.c.id).where(job.c.org_id == session.principal.org_id, job.c.idempotency_key == key)
    created: UUID = session.connection.execute(by_key).scalar_one()
    return created


def _connection(row: Row[Any]) -> Connection:
    return Connection.model_validate(row, from_attributes=True)
