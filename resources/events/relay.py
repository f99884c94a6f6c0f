"""From the outbox to the log, oldest first, by one relay at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, func, select, text

from resources.database import WorkerDatabase
from resources.errors import DroviError
from resources.events.log import Event, EventLog
from resources.events.postgres import PostgresEventLog
from resources.schema import outbox
from resources.telemetry import get_logger

BATCH_BYTES = 64 * 1024 * 1024
"""What is moved at once at most, however many events that is."""
_log = get_logger(__name__)
_LOCK = 0x6F7574626F78  # "outbox": one relay at a time, or two would publish out of order
_RIPEN = text(
    """
    WITH ripe AS (
        DELETE FROM delayed_event WHERE id IN (
            SELECT id FROM delayed_event WHERE not_before <= now() ORDER BY not_before LIMIT :limit
        ) RETURNING org_id, topic, key, headers, payload, not_before
    )
    INSERT INTO outbox (org_id, topic, key, headers, payload)
    SELECT org_id, topic, key, headers, payload FROM ripe ORDER BY not_before
    """
)
_NUMBER = text(
    """
    WITH numbered AS (
        SELECT id, nextval('event_sequence') AS sequence FROM (
            SELECT id FROM outbox WHERE sequence IS NULL ORDER BY id LIMIT (
                SELECT greatest(:limit - count(*), 0) FROM outbox WHERE sequence IS NOT NULL
            )
        ) AS oldest ORDER BY id
    )
    UPDATE outbox SET sequence = numbered.sequence FROM numbered WHERE outbox.id = numbered.id
    """
)


def relay(database: WorkerDatabase, limit: int, log: EventLog | None = None) -> int:
    """Move what was put off and is due now to the outbox, and up to ``limit`` events from there to the log; returns how many.

    On the Postgres log moving and removing are one transaction, so each event arrives exactly once. On a log outside an
    event keeps its sequence number from the first try on, so that a consumer knows one that was published twice. An
    identity can become visible after a higher one of a transaction that was faster: order is kept for each key,
    whose writers wait for one another, and is not promised across keys.

    Raises:
        Transient: the log does not answer; what was to be published stays in the outbox.
        NeedsPerson: it does not let us in, or a topic is not there; as above.
    """
    log = log or PostgresEventLog()
    if log.external:
        with database.dispatch() as connection:
            if not _alone(connection):
                return 0
            connection.execute(_RIPEN, {"limit": limit})
            connection.execute(_NUMBER, {"limit": limit})
    with database.dispatch() as connection:
        if not _alone(connection):
            return 0
        if not log.external:
            connection.execute(_RIPEN, {"limit": limit})
        return _publish(connection, limit, log)


def try_relay(database: WorkerDatabase, limit: int, log: EventLog) -> int:
    """As :func:`relay`, for a tick that has other work: where the log does not take them, events wait, and a line says why."""
    try:
        return relay(database, limit, log)
    except DroviError as error:
        _log.warning("events wait in the outbox: the log does not take them", error=str(error))
        return 0


def _alone(connection: Connection) -> bool:
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK))).scalar_one())


def _publish(connection: Connection, limit: int, log: EventLog) -> int:
    order = outbox.c.sequence if log.external else outbox.c.id
    query = select(outbox).order_by(order).limit(limit).execution_options(yield_per=500)
    if log.external:
        query = query.where(outbox.c.sequence.is_not(None))
    with connection.execute(query) as waiting:
        rows = list(_within(BATCH_BYTES, waiting))
    if rows:
        log.publish(
            connection,
            [Event(row.org_id, row.topic, row.key, row.payload, row.headers, row.sequence) for row in rows],
        )
        connection.execute(
            text("DELETE FROM outbox WHERE id = ANY (:ids)"), {"ids": [row.id for row in rows]}
        )
    return len(rows)


def _within(size: int, rows: Iterable[Row[Any]]) -> Iterator[Row[Any]]:
    """Rows until their payloads make ``size`` bytes; one at least."""
    for row in rows:
        yield row
        size -= len(row.payload)
        if size <= 0:
            return
