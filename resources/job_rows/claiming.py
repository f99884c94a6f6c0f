"""Taking work up: what is due, in fair turns between organisations, and who has gone silent.

Turns: the first job of each organisation comes before the second of any, so that ten thousand of one wait behind
each other and not before somebody else's. Among its own, an organisation's jobs go by priority and then by time.
What a kill switch stops is not due. Each organisation's first ones are read from the index that has them in that order:
the cost grows with the organisations that have something waiting, not with how much that is.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources import kill_switches
from resources.database import WorkerDatabase
from resources.errors import DroviError
from resources.job_rows.running import UNFINISHED, given_up
from resources.schema import job

CLAIM_SECONDS: Final = 30
"""How long a claim stands without a heartbeat: what a killed worker held is taken up again after that."""
BEAT_SECONDS: Final = CLAIM_SECONDS / 4
SIDE_BY_SIDE: Final = 4
"""Workers that may claim in the same moment: each reads as many jobs further, since what others lock it passes over."""
_QUEUED: Final = job.c.status == literal_column("'queued'")  # as a parameter it would not be the index's own


def due(connection: Connection, kinds: Collection[str], limit: int) -> Sequence[Row[Any]]:
    """Queued jobs of those kinds whose time has come, organisations taking turns; ``turn`` is which of its own each is."""
    turns = _turns(kinds, limit).subquery()
    query = (
        select(job, turns.c.turn)
        .join(turns, turns.c.id == job.c.id)
        .order_by(turns.c.turn, job.c.run_at, job.c.id)
        .limit(limit)
    )
    return connection.execute(query).all()


def take(
    connection: Connection,
    kinds: Collection[str],
    limit: int,
    served: Mapping[UUID | None, int] = MappingProxyType({}),
) -> Sequence[Row[Any]]:
    """Begin with jobs that are due, in their turns: one statement, and no job for two workers that ask at once.

    ``served`` is how many of each organisation the caller has just done: those turns count as taken. Each job is running
    from here on, its attempt counted, for ``CLAIM_SECONDS`` unless ``kept_alive`` says longer.
    """
    turns = (
        _turns(kinds, limit * SIDE_BY_SIDE, served)
        .cte("turns")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    mine = (
        select(job.c.id, turns.c.turn)
        .join(turns, turns.c.id == job.c.id)
        .where(
            job.c.status == "queued"
        )  # asked again of the row that is locked: another worker may have begun it
        .order_by(turns.c.turn, job.c.run_at, job.c.id)
        .limit(limit)
        .with_for_update(of=job, skip_locked=True)
        .cte("mine")
    )
    begun = (
        update(job)
        .where(job.c.id == mine.c.id)
        .values(
            status="running",
            attempts=job.c.attempts + 1,
            started_at=func.coalesce(job.c.started_at, func.now()),
            lease_expires_at=_claim(),
        )
        .returning(job, mine.c.turn)
    )
    rows = connection.execute(begun).all()
    return sorted(rows, key=lambda row: (row.turn, row.run_at, row.id))


def put_back(connection: Connection, job_ids: Collection[UUID]) -> None:
    """Give back what was claimed and not begun, unless it was called off; no attempt is counted for it."""
    connection.execute(
        update(job)
        .where(job.c.id.in_(job_ids), job.c.status == "running")
        .values(attempts=job.c.attempts - 1, **given_up("queued"))
    )


@contextmanager
def kept_alive(database: WorkerDatabase, job_ids: Collection[UUID]) -> Iterator[None]:
    """Renew the claims on jobs for the length of a block, however long one of them takes."""
    done = threading.Event()
    heart = threading.Thread(target=_beat, args=(database, job_ids, done), name="drovi-claims", daemon=True)
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()


def unfinished(connection: Connection, connection_id: UUID, kind: str) -> bool:
    """Whether a job of that kind waits or runs for the connection."""
    query = select(job.c.id).where(
        job.c.connection_id == connection_id, job.c.kind == kind, job.c.status.in_(UNFINISHED)
    )
    return connection.execute(query.limit(1)).first() is not None


def silent(connection: Connection) -> Sequence[Row[Any]]:
    """Running jobs that gave no sign for longer than their lease."""
    overdue = or_(job.c.lease_expires_at.is_(None), job.c.lease_expires_at < func.now())
    return connection.execute(select(job).where(job.c.status == "running", overdue)).all()


def alive(connection: Connection, job_id: UUID) -> bool:
    """Whether a job runs and its worker gave a sign within its lease."""
    query = select(job.c.id).where(
        job.c.id == job_id, job.c.status == "running", job.c.lease_expires_at > func.now()
    )
    return connection.execute(query).first() is not None


def halted(connection: Connection, job_id: UUID) -> bool:
    """Whether a kill switch stops a job."""
    query = select(job.c.id).where(job.c.id == job_id, kill_switches.job_stopped())
    return connection.execute(query).first() is not None


def _turns(
    kinds: Collection[str], limit: int, served: Mapping[UUID | None, int] = MappingProxyType({})
) -> Select[Any]:
    """The jobs that may be among the first ``limit``: so many of each organisation, read in its own order from the index."""
    waiting = _organisations()
    whose = (waiting.c.org_id == job.c.org_id, waiting.c.org_id.is_(None) & job.c.org_id.is_(None))
    each = [_own(kinds, limit).where(one).correlate(waiting).subquery().select() for one in whose]
    first = union_all(*each).lateral()
    own_order = (first.c.priority.desc(), first.c.run_at, first.c.id)
    turn: ColumnElement[Any] = func.row_number().over(partition_by=first.c.org_id, order_by=own_order)
    if served:
        taken = literal({str(org_id): count for org_id, count in served.items()}, JSONB)
        turn += func.coalesce(taken[func.coalesce(cast(first.c.org_id, Text), str(None))].as_integer(), 0)
    return select(first.c.id, turn.label("turn")).select_from(waiting.join(first, true()))


def _own(kinds: Collection[str], limit: int) -> Select[Any]:
    is_due = and_(_QUEUED, job.c.run_at <= func.now(), job.c.kind.in_(kinds), ~kill_switches.job_stopped())
    query = select(job.c.id, job.c.org_id, job.c.priority, job.c.run_at).where(is_due)
    return query.order_by(job.c.priority.desc(), job.c.run_at, job.c.id).limit(limit)


def _organisations() -> CTE:
    """Those that have jobs waiting, one step of the index each; the last row is NULL, and stands for the platform."""
    queued = select(job.c.org_id).where(_QUEUED, job.c.org_id.is_not(None))
    least = queued.order_by(job.c.org_id).limit(1)
    found = select(least.scalar_subquery().label("org_id")).cte("waiting", recursive=True)
    following = least.where(job.c.org_id > found.c.org_id).correlate(found).scalar_subquery()
    return found.union_all(select(following).where(found.c.org_id.is_not(None)))


def _beat(database: WorkerDatabase, job_ids: Collection[UUID], done: threading.Event) -> None:
    claimed = job.c.id.in_(list(job_ids)) & (job.c.status == "running")
    while not done.wait(BEAT_SECONDS):
        try:
            with database.dispatch() as connection:
                connection.execute(update(job).where(claimed).values(lease_expires_at=_claim()))
        except DroviError:
            continue  # a database that is away for a moment; a claim outlives three missed beats


def _claim() -> Any:
    return func.now() + text(f"interval '{CLAIM_SECONDS} seconds'")
