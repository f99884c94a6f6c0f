"""How a job goes: it begins, is seen to live, ends, or loses its worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, case, func, null, or_, select, text, update

from resources.database import WorkerDatabase
from resources.errors import CalledOff, DroviError
from resources.schema import job

LEASE_SECONDS = 150
"""How long a running job may be silent before it counts as dead: its worker may wait 120 s for a turn."""
TICK_SECONDS = 30
"""The same for a job that a tick does: one that was killed is noticed as soon as a connection's lease runs out."""

UNFINISHED = ("queued", "running")
_CALLED_OFF = job.c.cancel_requested_at.is_not(None)


def start(
    connection: Connection,
    job_ids: Sequence[UUID],
    *,
    run_id: str | None = None,
    attempt: int | None = None,
    seconds: int = LEASE_SECONDS,
) -> None:
    """Jobs begin, or are seen to go on, and may be silent for so many seconds; of no effect on finished ones.

    ``attempt``, here and below, is the number of attempts there were when the worker that this is told of was asked for:
    what an earlier worker did or met says nothing about a later one's attempt.
    """
    connection.execute(
        update(job)
        .where(job.c.id.in_(job_ids), _under_way(attempt))
        .values(
            status="running",
            attempts=job.c.attempts + case((job.c.status == "queued", 1), else_=0),
            started_at=func.coalesce(job.c.started_at, func.now()),
            lease_expires_at=_lease(seconds),
            dagster_run_id=func.coalesce(run_id, job.c.dagster_run_id),
        )
    )


def see(connection: Connection, job_id: UUID, run_id: str, *, attempt: int | None = None) -> None:
    """A job's run was seen under way. That is no sign that its worker lives: what is known already is left as it is."""
    news = or_(job.c.status == "queued", job.c.dagster_run_id.is_distinct_from(run_id))
    if connection.execute(select(job.c.id).where(job.c.id == job_id, news)).first() is not None:
        start(connection, [job_id], run_id=run_id, attempt=attempt)


def note(
    database: WorkerDatabase, job_id: UUID, progress: Mapping[str, Any], *, seconds: int = LEASE_SECONDS
) -> None:
    """A running job's progress, and the sign that its worker lives, good for so many seconds; in a transaction of its own.

    Raises:
        CalledOff: it was cancelled; the worker stops here, where everything is committed, and then says ``call_off``.
    """
    noted = (
        update(job)
        .where(job.c.id == job_id, job.c.status == "running")
        .values(progress=dict(progress), lease_expires_at=_lease(seconds))
    )
    with database.dispatch() as connection:
        connection.execute(noted)
        wanted = select(job.c.id).where(job.c.id == job_id, job.c.status != "cancelled", ~_CALLED_OFF)
        go_on = connection.execute(wanted).first() is not None
    if not go_on:  # outside, so that the last progress stands
        raise CalledOff("The work was cancelled.", remedy="Retry the job to go on where it stopped.")


def succeed(
    connection: Connection,
    job_ids: Sequence[UUID],
    result: Mapping[str, Any] | None = None,
    *,
    attempt: int | None = None,
) -> None:
    """Jobs end well; ``result`` None leaves what the last progress said."""
    last = job.c.progress if result is None else dict(result)
    _finish(
        connection,
        job_ids,
        {"status": "succeeded", "result": last, "error_code": None, "error_message": None},
        attempt,
    )


def fail(
    connection: Connection, job_ids: Sequence[UUID], error: BaseException | str, *, attempt: int | None = None
) -> None:
    """Jobs end badly, for good; the message is for their owner."""
    code = error.code if isinstance(error, DroviError) else "SERVER_ERROR"
    message = str(error) if isinstance(error, DroviError | str) else "Something went wrong inside Drovi."
    _finish(connection, job_ids, {"status": "failed", "error_code": code, "error_message": message}, attempt)


def call_off(connection: Connection, job_ids: Sequence[UUID], *, attempt: int | None = None) -> None:
    """Jobs were called off, and nobody works on them any more."""
    _finish(connection, job_ids, {"status": "cancelled"}, attempt)


def heed(connection: Connection, job_ids: Sequence[UUID]) -> None:
    """Those that were called off while they ran are cancelled; of no effect on the others. For who is done with them all."""
    called_off = (job.c.status == "running") & _CALLED_OFF
    connection.execute(update(job).where(job.c.id.in_(job_ids), called_off).values(**given_up("cancelled")))


def hand_over(connection: Connection, job_id: UUID) -> None:
    """A running job waits for another worker to go on with it, unless it was called off."""
    connection.execute(
        update(job).where(job.c.id == job_id, job.c.status == "running").values(**given_up("queued"))
    )


def keep_step(connection: Connection, job_id: UUID, progress: Mapping[str, Any], *, finished: bool) -> None:
    """A step of a running job is done: it is over with that as its result, or waits for its next step.

    A step is no attempt: only what failed is.
    """
    over = {
        "status": "succeeded",
        "result": dict(progress),
        "finished_at": func.now(),
        "lease_expires_at": None,
    }
    values = over if finished else {**given_up("queued"), "attempts": job.c.attempts - 1}
    connection.execute(
        update(job)
        .where(job.c.id == job_id, job.c.status == "running")
        .values(progress=dict(progress), error_code=None, error_message=None, **values)
    )


def put_off(connection: Connection, job_id: UUID, seconds: float) -> None:
    """A running job waits that long for its next attempt, unless it was called off."""
    connection.execute(
        update(job)
        .where(job.c.id == job_id, job.c.status == "running")
        .values(run_at=func.now() + timedelta(seconds=seconds), **given_up("queued"))
    )


def restart(connection: Connection, job_id: UUID) -> None:
    """A job that waits or failed begins anew in a tick."""
    connection.execute(
        update(job)
        .where(job.c.id == job_id, job.c.status.in_(("queued", "failed")))
        .values(
            status="running",
            attempts=job.c.attempts + 1,
            started_at=func.now(),
            lease_expires_at=_lease(TICK_SECONDS),
        )
        .values(finished_at=None, error_code=None, error_message=None)
    )


def lost(connection: Connection, job_ids: Sequence[UUID], *, attempt: int | None = None) -> None:
    """The worker of jobs died: they are queued again, or fail where no attempt is left; one called off is cancelled.

    Without ``attempt``, of no effect on those that wait.
    """
    again = job.c.attempts < job.c.max_attempts
    dead = job.c.status == "running" if attempt is None else _under_way(attempt)
    failed = ~_CALLED_OFF & ~again
    connection.execute(
        update(job)
        .where(job.c.id.in_(job_ids), dead)
        .values(
            status=case((_CALLED_OFF, "cancelled"), (again, "queued"), else_="failed"),
            attempts=job.c.attempts + case((job.c.status == "queued", 1), else_=0),
            lease_expires_at=None,
            finished_at=case((_CALLED_OFF | ~again, func.now()), else_=null()),
            error_code=case((failed, "SERVER_ERROR"), else_=null()),
            error_message=case((failed, "The worker died at every attempt."), else_=null()),
        )
    )


def interrupted(connection: Connection, job_id: UUID, *, attempt: int) -> None:
    """The worker of a run was told to end, by a deploy: its job is queued again, with one attempt more to have.

    ``attempt`` as in ``lost``. The attempts themselves go on counting, for a run's key is made of them.
    """
    connection.execute(
        update(job)
        .where(job.c.id == job_id, _under_way(attempt))
        .values(
            attempts=job.c.attempts + case((job.c.status == "queued", 1), else_=0),
            max_attempts=job.c.max_attempts + 1,
            **given_up("queued"),
        )
    )


def _lease(seconds: int = LEASE_SECONDS) -> Any:
    return func.now() + text(f"interval '{seconds} seconds'")


def given_up(status: str) -> dict[str, Any]:
    """What a running job becomes when its worker lets go of it: ``status``, or cancelled where that was asked for."""
    return {
        "status": case((_CALLED_OFF, "cancelled"), else_=status),
        "finished_at": case((_CALLED_OFF, func.now()), else_=null()),
        "lease_expires_at": None,
    }


def _under_way(attempt: int | None) -> ColumnElement[bool]:
    if attempt is None:
        return job.c.status.in_(UNFINISHED)
    waits = (job.c.status == "queued") & (job.c.attempts == attempt)
    return waits | ((job.c.status == "running") & (job.c.attempts == attempt + 1))


def _finish(
    connection: Connection, job_ids: Sequence[UUID], values: Mapping[str, Any], attempt: int | None
) -> None:
    connection.execute(
        update(job)
        .where(job.c.id.in_(job_ids), _under_way(attempt))
        .values(**values, finished_at=func.now(), lease_expires_at=None)
    )
