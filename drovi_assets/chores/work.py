"""Working off chores: due jobs in turns between organisations, a slice each, within one tick's budget.

A batch is claimed in one statement, so that several workers share the work without doing a job twice. What of it is not
begun after ``SLICE_SECONDS`` is given back and claimed anew: who asks meanwhile does not wait for what others had
claimed, and whoever was served least in this tick is next. A transient failure puts a job off, doubling from
``FIRST_WAIT_SECONDS``; any other of the error tree ends it with its message for the person who asked. A defect is logged
and counted as an attempt.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from drovi_assets.chores.contract import Chore, Step, Task
from drovi_assets.chores.registry import CHORES
from drovi_assets.deadline import Budget, Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources import job_rows
from resources.audit import PLATFORM
from resources.errors import DroviError, Halted, Transient
from resources.telemetry import get_logger

AT_ONCE = 50
SLICE_SECONDS = 1.0
"""For how long a claimed batch is worked on before others' claims are looked at again."""
STEP_SECONDS = 3.0
"""What one step may take of the tick, for chores that can stop."""
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 900.0
TRIES = 12
"""About an hour and a half of waiting; then a person has to look."""
KEEP_SECONDS = 0.25
"""Steps quicker than this share a transaction: a commit for each was most of what a small job cost."""
_OWN_ATTEMPTS = 3
"""What a job has for defects and dead workers; a retry adds as many, and as much waiting again."""
_log = get_logger(__name__)


def work(runtime: Runtime, deadline: Deadline, chores: Mapping[str, Chore] = CHORES) -> int:
    """Take due jobs a step further until the deadline; returns how many were worked on.

    A job that takes more than one step has one a call: what comes after it is not kept waiting.
    """
    stepped: set[UUID] = set()
    served: Counter[UUID | None] = Counter()
    while True:
        with runtime.database.dispatch() as connection:
            claimed = job_rows.take(connection, list(chores), AT_ONCE, served)
        rows = [row for row in claimed if row.id not in stepped]
        if again := stepped & {row.id for row in claimed}:
            with runtime.database.dispatch() as connection:
                job_rows.put_back(connection, again)
        done = rows[: _batch(runtime, rows, chores, deadline)]
        stepped.update(row.id for row in done)
        served.update(row.org_id for row in done)
        if not done or deadline.left <= 0 or (len(done) == len(rows) and len(claimed) < AT_ONCE):
            return served.total()


def _batch(runtime: Runtime, rows: list[Row[Any]], chores: Mapping[str, Chore], deadline: Deadline) -> int:
    if not rows:
        return 0
    left = {row.id for row in rows}
    part = Budget.within(deadline, SLICE_SECONDS)
    kept: dict[UUID, Step] = {}
    flushed = time.monotonic()
    with job_rows.kept_alive(runtime.database, left):
        for row in rows:
            if deadline.left <= 0 or (part.spent and len(left) < len(rows)):
                break
            its_own = Budget.within(deadline, STEP_SECONDS)
            if (step := _one(runtime, row, chores[row.kind], its_own)) is not None:
                kept[row.id] = step
            left.remove(row.id)
            if time.monotonic() - flushed >= KEEP_SECONDS:
                _keep(runtime, kept)
                flushed = time.monotonic()
        _keep(runtime, kept)
    worked = len(rows) - len(left)
    if left:
        with runtime.database.dispatch() as connection:
            job_rows.put_back(connection, left)
    return worked


def _one(runtime: Runtime, row: Row[Any], chore: Chore, deadline: Deadline) -> Step | None:
    org_id = PLATFORM if row.org_id is None else row.org_id
    task = Task(row.id, org_id, row.connection_id, row.requested_by, row.arguments, row.progress)
    try:
        return chore(runtime, task, deadline)
    except Halted:
        with runtime.database.dispatch() as connection:
            job_rows.put_back(connection, [row.id])
    except Transient as error:
        _put_off(runtime, row, error)
    except DroviError as error:
        with runtime.database.dispatch() as connection:
            job_rows.fail(connection, [row.id], error)
    except Exception:  # noqa: BLE001 - a defect in one chore must not stop the others
        _log.exception("chore failed", kind=row.kind, job=str(row.id))
        with runtime.database.dispatch() as connection:
            job_rows.lost(connection, [row.id])
    return None


def _keep(runtime: Runtime, kept: dict[UUID, Step]) -> None:
    """Store what steps came to, in one transaction: a kill before it has them done once more, which changes nothing."""
    if not kept:
        return
    with runtime.database.dispatch() as connection:
        for job_id, step in kept.items():
            job_rows.keep_step(connection, job_id, step.progress, finished=step.finished)
    kept.clear()


def _put_off(runtime: Runtime, row: Row[Any], error: Transient) -> None:
    before = row.attempts - 1
    tries = TRIES + row.max_attempts - _OWN_ATTEMPTS
    if row.attempts >= tries:
        with runtime.database.dispatch() as connection:
            job_rows.fail(connection, [row.id], error)
        return
    wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**before)
    wait = max(wait, error.retry_after or 0)
    _log.warning("chore put off", kind=row.kind, job=str(row.id), seconds=wait, error=str(error))
    with runtime.database.dispatch() as connection:
        job_rows.put_off(connection, row.id, wait)
