"""What waits, and for how long: jobs, events, dead letters; read for metrics and for the administration.

Counts and ages over every organisation at once, none of them by organisation, as the identity role reads them through the
columns that it was granted. Each query reads a bounded part of an index, however much was done before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, case, func, select, true

from resources.events.log import EventLog
from resources.schema import consumer_offset, dead_letter, delayed_event, event, job, kill_switch, outbox

COUNTED: Final = 10_000
"""Of one kind; where there are more, this is what is said."""
UNFINISHED: Final = ("queued", "running")
FINISHED: Final = ("succeeded", "failed", "cancelled")
SCOPES: Final = ("everything", "connector", "organisation")

_OFFSET = consumer_offset.c
_RECENT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group is behind in a partition: ``events`` to read, the oldest there for ``seconds``, None where the log does not say.

    Where events were erased, fewer are there than ``events``.
    """

    group: str
    topic: str
    partition: int
    events: int
    seconds: float | None
    paused_for: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many, up to ``COUNTED``, the oldest for so long. Without any it is 0 seconds."""

    count: int
    seconds: float


def lags(connection: Connection, log: EventLog) -> list[Lag]:
    """Of every group that ever consumed, by group, topic and partition.

    Raises:
        Transient: the log does not answer.
    """
    if log.external:
        return _lags_outside(connection, log)
    at = (event.c.topic == _OFFSET.topic, event.c.partition == _OFFSET.partition)
    last = select(event.c.offset).where(*at).order_by(event.c.offset.desc()).limit(1).lateral("last")
    first = (
        select(event.c.created_at)
        .where(*at, event.c.offset >= _OFFSET.offset)
        .order_by(event.c.offset)
        .limit(1)
        .lateral("first")
    )
    query = (
        select(
            *_places(),
            func.greatest(func.coalesce(last.c.offset + 1, 0) - _OFFSET.offset, 0).label("events"),
            func.coalesce(_age(first.c.created_at), 0).label("seconds"),
        )
        .join(last, true(), isouter=True)
        .join(first, true(), isouter=True)
    )
    return [_lag(row, row.events, float(row.seconds)) for row in connection.execute(_in_order(query))]


def unpublished(connection: Connection) -> Waiting:
    """Events in the outbox, which the relay empties every few seconds."""
    oldest = select(outbox.c.created_at).order_by(outbox.c.id).limit(COUNTED).subquery()
    return _waiting(connection, oldest.c.created_at)


def put_off(connection: Connection) -> Waiting:
    """Events that wait to be tried again; the age is how long the first of them is overdue."""
    first = select(delayed_event.c.not_before).order_by(delayed_event.c.not_before).limit(COUNTED).subquery()
    return _waiting(connection, first.c.not_before)


def jobs(connection: Connection) -> Counter[tuple[str, str]]:
    """By status and kind: all that wait or run, and what was due within a day and is finished."""
    counted: Counter[tuple[str, str]] = Counter()
    for status in (*UNFINISHED, *FINISHED):
        recent = () if status in UNFINISHED else (job.c.run_at > func.now() - _RECENT,)
        some = select(job.c.kind).where(job.c.status == status, *recent).limit(COUNTED).subquery()
        query = select(some.c.kind, func.count()).group_by(some.c.kind)
        counted.update({(status, kind): count for kind, count in connection.execute(query)})
    return counted


def oldest_jobs(connection: Connection) -> dict[str, float]:
    """By kind, for how many seconds the first of the queued jobs is due."""
    due = (
        select(job.c.kind, job.c.run_at)
        .where(job.c.status == "queued", job.c.run_at <= func.now())
        .order_by(job.c.run_at)
        .limit(COUNTED)
        .subquery()
    )
    query = select(due.c.kind, _age(func.min(due.c.run_at))).group_by(due.c.kind)
    return {kind: float(seconds) for kind, seconds in connection.execute(query)}


def dead_letters(connection: Connection) -> dict[str, int]:
    """By topic, those that nobody settled yet."""
    dead = select(dead_letter.c.topic).where(dead_letter.c.status == "dead").limit(COUNTED).subquery()
    query = select(dead.c.topic, func.count().label("number")).group_by(dead.c.topic)
    return {row.topic: row.number for row in connection.execute(query)}


def thrown_switches(connection: Connection) -> Counter[str]:
    """By what they stop; every scope is named."""
    counted = Counter(dict.fromkeys(SCOPES, 0))
    for connector, org_id in connection.execute(select(kill_switch.c.connector, kill_switch.c.org_id)):
        counted["organisation" if org_id else "connector" if connector else "everything"] += 1
    return counted


def _lags_outside(connection: Connection, log: EventLog) -> list[Lag]:
    rows = connection.execute(_in_order(select(*_places(), _OFFSET.offset))).all()
    ends = {topic: log.ends(connection, topic) for topic in sorted({row.topic for row in rows})}
    return [_lag(row, max(0, ends[row.topic].get(row.partition, 0) - row.offset), None) for row in rows]


def _lag(row: Row[Any], events: int, seconds: float | None) -> Lag:
    return Lag(row.consumer_group, row.topic, row.partition, events, seconds, row.paused_for)


def _places() -> Sequence[Any]:
    paused_for = case((_OFFSET.paused_until > func.now(), _OFFSET.paused_for)).label("paused_for")
    return _OFFSET.consumer_group, _OFFSET.topic, _OFFSET.partition, paused_for


def _in_order(query: Any) -> Any:
    return query.select_from(consumer_offset).order_by(
        _OFFSET.consumer_group, _OFFSET.topic, _OFFSET.partition
    )


def _waiting(connection: Connection, moment: ColumnElement[Any]) -> Waiting:
    query = select(func.count(), func.greatest(func.coalesce(_age(func.min(moment)), 0), 0))
    count, seconds = connection.execute(query).one()
    return Waiting(count, float(seconds))


def _age(moment: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.extract("epoch", func.now() - moment)
