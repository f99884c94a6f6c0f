"""Chores go on where they stopped, wait when asked to, and tell their owner why they ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import select, update

from drovi_assets.chores.contract import Step, Task
from drovi_assets.chores.work import TRIES, work
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources import job_rows
from resources.errors import ProviderDown, Refused
from resources.schema import job
from tests.conftest import Database, Tenant


@dataclass
class Left:
    """Seconds that a test says are left."""

    left: float = 10.0


@pytest.fixture
def runtime(database: Database) -> Iterator[Runtime]:
    return cast("Runtime", SimpleNamespace(database=database.worker))


def _asked(database: Database, tenant: Tenant, key: str = "one") -> UUID:
    with database.worker.organisation(tenant.principal.org_id) as session:
        return job_rows.ensure(session, job_rows.Wanted(tenant.principal.org_id, "count", key))


def _row(database: Database, job_id: UUID) -> Any:
    with database.worker.dispatch() as session:
        return session.execute(select(job).where(job.c.id == job_id)).one()


def _counting(to: int) -> Any:
    def count(_runtime: Runtime, task: Task, _deadline: Deadline) -> Step:
        reached = int(task.progress.get("reached", 0)) + 1
        return Step({"reached": reached}, finished=reached == to)

    return count


def test_a_chore_goes_on_where_its_last_step_stopped(
    runtime: Runtime, database: Database, tenant: Tenant
) -> None:
    """A step is no attempt, and the last one's progress is the result."""
    job_id = _asked(database, tenant)
    for _ in range(5):
        work(runtime, Left(), {"count": _counting(5)})
    row = _row(database, job_id)
    assert (row.status, row.result, row.attempts) == ("succeeded", {"reached": 5}, 1)
    assert work(runtime, Left(), {"count": _counting(5)}) == 0


def test_what_may_pass_is_put_off_longer_each_time(
    runtime: Runtime, database: Database, tenant: Tenant
) -> None:
    job_id = _asked(database, tenant)

    def down(*_: Any) -> Step:
        raise ProviderDown("The object store does not answer.")

    waits = []
    for _ in range(3):
        work(runtime, Left(), {"count": down})
        row = _row(database, job_id)
        assert row.status == "queued"
        with database.worker.dispatch() as session:
            waits.append((row.run_at - row.created_at).total_seconds())
            session.execute(update(job).where(job.c.id == job_id).values(run_at=row.created_at))
    assert waits == sorted(waits)
    assert waits[-1] > 1.8 * waits[0]
    with database.worker.dispatch() as session:
        session.execute(update(job).where(job.c.id == job_id).values(attempts=TRIES - 1))
    work(runtime, Left(), {"count": down})
    assert _row(database, job_id).status == "failed"


def test_a_refusal_ends_it_with_its_words(runtime: Runtime, database: Database, tenant: Tenant) -> None:
    job_id = _asked(database, tenant)

    def refuse(*_: Any) -> Step:
        raise Refused("A legal hold is on it.", remedy="Release the hold first.")

    work(runtime, Left(), {"count": refuse})
    row = _row(database, job_id)
    assert (row.status, row.error_message) == ("failed", "A legal hold is on it. Release the hold first.")


def test_a_defect_is_tried_again_and_then_given_up_without_its_details(
    runtime: Runtime, database: Database, tenant: Tenant
) -> None:
    """And the chores after it are worked on all the same."""
    broken, sound = _asked(database, tenant, "a"), _asked(database, tenant, "b")

    def mixed(_runtime: Runtime, task: Task, _deadline: Deadline) -> Step:
        if task.id == broken:
            raise KeyError("a secret of ours")
        return Step({}, finished=True)

    for _ in range(3):
        work(runtime, Left(), {"count": mixed})
    row = _row(database, broken)
    assert row.status == "failed"
    assert "secret" not in row.error_message
    assert _row(database, sound).status == "succeeded"


def test_nothing_is_begun_without_time(runtime: Runtime, database: Database, tenant: Tenant) -> None:
    job_id = _asked(database, tenant)
    assert work(runtime, Left(0), {"count": _counting(1)}) == 0
    assert _row(database, job_id).status == "queued"
