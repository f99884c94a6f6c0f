"""Events of connections: rows that the database wrote at the commits they tell of. See ``connection_tell``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, true

from drovi_api.dependencies import ReadSession
from drovi_api.streams import PAGE, Backlog, Event, Feed
from drovi_api.user.connection_events.schemas import ConnectionState
from resources.schema import connection, connection_event

_EVENT = connection_event.c
_COLUMNS = (_EVENT.id, _EVENT.audience_id, _EVENT.state)
# One that is being erased is gone already, for everybody: a transaction that began before may still see it go.
_ERASING = "erasing"
# The last event of a connection is its state: it is kept for as long as the connection is.
_LAST = (
    select(*_COLUMNS)
    .where(_EVENT.connection_id == connection.c.id)
    .order_by(_EVENT.id.desc())
    .limit(1)
    .lateral()
)
_STATES = (
    select(_LAST)
    .select_from(connection)
    .join(_LAST, true())
    .where(_LAST.c.state["status"].astext != _ERASING)
    .order_by(_LAST.c.id)
)
_THERE = select(*_COLUMNS).where(_EVENT.state["status"].astext != _ERASING).order_by(_EVENT.id)


def backlog(session: ReadSession, last: int | None) -> Backlog:
    """What happened after ``last``; how every connection does, where a client comes for the first time."""
    if last is None:
        events = [_event(row) for row in session.all(_STATES)]
    else:
        events = list(after(session.connection, last, PAGE))
    return Backlog(events, events[-1].id if events else last or 0)


def after(transaction: Connection, position: int, limit: int) -> Sequence[Event]:
    """Events after a number, in their order, by what the transaction may see."""
    query = _THERE.where(_EVENT.id > position).limit(limit)
    return [_event(row) for row in transaction.execute(query)]


FEED = Feed("drovi_connections", after)


def _event(row: Row[*tuple[Any, ...]]) -> Event:
    state = ConnectionState.model_validate(row.state).model_dump_json()
    return Event(row.id, row.audience_id, f"event: connection\nid: {row.id}\ndata: {state}\n\n".encode())
