"""Working off chores: due jobs in the order they were asked for, a slice each, within one tick's budget.

A transient failure puts a job off, doubling from ``FIRST_WAIT_SECONDS``; any other of the error tree ends it with
its message for the person who asked. A defect is logged and counted as an attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, update

from drovi_assets.chores.contract import Chore, Deadline, Step, Task
from drovi_assets.chores.registry import CHORES
from drovi_assets.pipeline.runtime import Runtime
from resources import job_rows
from resources.errors import DroviError, Transient
from resources.schema import job
from resources.telemetry import get_logger

AT_ONCE = 20
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 900.0
TRIES = 12
"""About an hour and a half of waiting; then a person has to look."""
_log = get_logger(__name__)


def work(runtime: Runtime, deadline: Deadline, chores: Mapping[str, Chore] = CHORES) -> int:
    """Take due jobs a step further until the deadline; returns how many were worked on."""
    with runtime.database.dispatch() as connection:
        due = job_rows.due(connection, list(chores), AT_ONCE)
    worked = 0
    for row in due:
        if deadline.left <= 0:
            break
        worked += 1
        _one(runtime, row, chores[row.kind], deadline)
    return worked


def _one(runtime: Runtime, row: Row[Any], chore: Chore, deadline: Deadline) -> None:
    with runtime.database.dispatch() as connection:
        job_rows.start(connection, [row.id])
    task = Task(row.id, row.org_id, row.connection_id, row.requested_by, row.arguments, row.progress)
    try:
        step = chore(runtime, task, deadline)
    except Transient as error:
        _put_off(runtime, row, error)
    except DroviError as error:
        with runtime.database.dispatch() as connection:
            job_rows.fail(connection, [row.id], error)
    except Exception:  # noqa: BLE001 - a defect in one chore must not stop the others
        _log.exception("chore failed", kind=row.kind, job=str(row.id))
        with runtime.database.dispatch() as connection:
            job_rows.lost(connection, [row.id])
    else:
        _keep(runtime, row, step)


def _keep(runtime: Runtime, row: Row[Any], step: Step) -> None:
    job_rows.note(runtime.database, row.id, step.progress)
    with runtime.database.dispatch() as connection:
        if step.finished:
            job_rows.succeed(connection, [row.id])
        else:
            job_rows.hand_over(connection, row.id)
            # A step is no attempt: only what failed is.
            connection.execute(update(job).where(job.c.id == row.id).values(attempts=row.attempts))


def _put_off(runtime: Runtime, row: Row[Any], error: Transient) -> None:
    if row.attempts + 1 >= TRIES:
        with runtime.database.dispatch() as connection:
            job_rows.fail(connection, [row.id], error)
        return
    wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**row.attempts)
    wait = max(wait, error.retry_after or 0)
    _log.warning("chore put off", kind=row.kind, job=str(row.id), seconds=wait, error=str(error))
    with runtime.database.dispatch() as connection:
        job_rows.hand_over(connection, row.id)
        connection.execute(
            update(job).where(job.c.id == row.id).values(run_at=func.now() + timedelta(seconds=wait))
        )
