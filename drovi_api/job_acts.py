"""What a person may do with a job that somebody asked for: call it off, have it tried again, have it done again.

Statements in the caller's transaction, of the application's role as of the administration's; who may do it to which
job, and what the audit log is told, their services decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, case, func, insert, select, update

from resources.errors import Conflict
from resources.schema import job

FRESH_ATTEMPTS = 3
"""How often a job is tried that was asked for once more."""

LAUNCHED = "materialize"
"""The kind of job that stands for a run a person launched in Dagster: only there can it be launched again."""

_JOB = job.c
_QUEUED = _JOB.status == "queued"


def cancel(connection: Connection, job_id: UUID) -> None:
    """Call a job off: one that waits at once, one that runs at its worker's next page or batch.

    Raises:
        Conflict: it is over.
    """
    called_off = (
        update(job)
        .where(_JOB.id == job_id, _JOB.status.in_(("queued", "running")))
        .values(
            status=case((_QUEUED, "cancelled"), else_=_JOB.status),
            finished_at=case((_QUEUED, func.now()), else_=_JOB.finished_at),
            cancel_requested_at=func.coalesce(_JOB.cancel_requested_at, func.now()),
        )
    )
    if connection.execute(called_off).rowcount != 1:
        raise Conflict("The job is over.", remedy="Read it again: there is nothing left to call off.")


def retry(connection: Connection, job_id: UUID) -> None:
    """Queue a job again that failed or was cancelled; its attempts go on counting, and there are new ones.

    Raises:
        Conflict: it waits, runs or succeeded, or only stands for a run.
    """
    # Attempts are never counted anew: with the job's id they name its runs, and Dagster starts none of a name it knows.
    again = (
        update(job)
        .where(_JOB.id == job_id, _JOB.status.in_(("failed", "cancelled")), _JOB.kind != LAUNCHED)
        .values(
            status="queued",
            max_attempts=_JOB.attempts + FRESH_ATTEMPTS,
            run_at=func.now(),
            error_code=None,
            error_message=None,
            cancel_requested_at=None,
            finished_at=None,
        )
    )
    if connection.execute(again).rowcount != 1:
        raise Conflict(
            "Only a job that failed or was cancelled can be tried again.",
            remedy="Wait until it is over; one that succeeded is done again by a replay.",
        )


def replay(connection: Connection, job_id: UUID, overrides: Mapping[str, Any]) -> UUID:
    """Ask for the same work once more as a job of its own, with other arguments where ``overrides`` names them.

    Raises:
        Conflict: it only stands for a run.
    """
    same = connection.execute(
        select(_JOB.org_id, _JOB.connection_id, _JOB.kind, _JOB.arguments).where(_JOB.id == job_id)
    ).one()
    if same.kind == LAUNCHED:
        raise Conflict("The job stands for a run of Dagster's.", remedy="Launch it again in Dagster.")
    made: UUID = connection.execute(
        insert(job)
        .values(
            org_id=same.org_id,
            connection_id=same.connection_id,
            kind=same.kind,
            arguments={**same.arguments, **overrides},
            idempotency_key=f"replay:{job_id}:{uuid4()}",
            replay_of=job_id,
        )
        .returning(_JOB.id)
    ).scalar_one()
    return made
