"""Turns between organisations: whoever floods the platform waits behind their own, and nobody else does."""

from __future__ import annotations

import os
import threading
import time
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import text, update

from drovi_assets.chores.contract import Step, Task
from drovi_assets.chores.work import STEP_SECONDS, work
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources import job_rows
from resources.schema import job
from sensors.live_sync import due
from tests.conftest import Tenant
from tests.integration.jobs.conftest import Plane

SIZE = int(os.environ.get("DROVI_FLOOD", "1000"))

_FLOOD_JOBS = text(
    "INSERT INTO job (org_id, kind, idempotency_key, run_at)"
    " SELECT :org_id, 'count', 'flood:' || n, now() - interval '1 hour' FROM generate_series(1, :n) AS n"
)
_FLOOD_SOURCES = text(
    "INSERT INTO connection (org_id, owner_id, connector, name, audience_id, next_sync_at)"
    " SELECT org_id, owner_id, connector, 'flood ' || n, audience_id, now() - interval '1 hour'"
    " FROM connection, generate_series(1, :n) AS n WHERE connection.id = :id"
)


def _runtime(plane: Plane) -> Runtime:
    return cast("Runtime", SimpleNamespace(database=plane.database.worker))


def _flood(plane: Plane, statement: Any, **names: Any) -> None:
    plane.do(lambda session: session.execute(statement, {"n": SIZE, **names}))


def test_a_flood_of_jobs_is_worked_off_behind_its_own(plane: Plane, tenant: Tenant, other: Tenant) -> None:
    """The other organisation's three jobs, asked for an hour later, are second, fourth and sixth; the platform's third."""
    _flood(plane, _FLOOD_JOBS, org_id=tenant.principal.org_id)
    mine = [plane.ask(other.principal.org_id, str(number)) for number in range(3)]
    own = plane.ask(None, "own")
    began = time.perf_counter()
    rows = plane.do(job_rows.due, ["count"], 50)
    took = time.perf_counter() - began
    print(f"job_rows.due at {SIZE}: {took * 1000:.1f} ms")
    order = [row.id for row in rows]
    assert [order.index(one) for one in mine] == [1, 4, 6]
    assert order.index(own) == 2
    assert [row.id for row in plane.take(50)] == order


def test_a_flood_of_sources_is_read_behind_its_own(plane: Plane, tenant: Tenant, other: Tenant) -> None:
    """As with jobs; one that was asked for is the first of its organisation, and no more than that."""
    first = plane.connect(tenant)
    _flood(plane, _FLOOD_SOURCES, id=first)
    mine = [plane.connect(other, name=str(number)) for number in range(2)]
    plane.ask(other.principal.org_id, "s", "sync", connection_id=mine[1])
    plane.ask(tenant.principal.org_id, "s", "sync", connection_id=first)
    began = time.perf_counter()
    order = [row.id for row in due(_runtime(plane))]
    took = time.perf_counter() - began
    print(f"live_sync.due at {SIZE}: {took * 1000:.1f} ms")
    assert {order[0], order[1]} == {first, mine[1]}
    assert order.index(mine[0]) == 3
    assert mine[0] not in [row.id for row in due(_runtime(plane), {mine[0]})]


def test_an_organisations_own_go_by_priority_and_then_by_time(plane: Plane, tenant: Tenant) -> None:
    """What lies in the future waits, whatever its priority."""
    names = {name: plane.ask(tenant.principal.org_id, name) for name in ("late", "early", "urgent", "future")}
    changes = {
        "late": {"run_at": text("now() - interval '1 minute'")},
        "early": {"run_at": text("now() - interval '2 minutes'")},
        "urgent": {"priority": 1},
        "future": {"priority": 9, "run_at": text("now() + interval '1 minute'")},
    }
    for name, values in changes.items():
        change = update(job).where(job.c.id == names[name]).values(values)
        plane.do(lambda session, change: session.execute(change), change)
    assert [row.id for row in plane.take()] == [names["urgent"], names["early"], names["late"]]


def test_two_ticks_at_once_share_the_jobs_and_do_none_twice(plane: Plane, tenant: Tenant) -> None:
    """While one claims, the other gets the next ones."""
    _flood(plane, _FLOOD_JOBS, org_id=tenant.principal.org_id)
    with plane.database.worker.dispatch() as session:
        first = job_rows.take(session, ["count"], 20)
        second = plane.take(20)
    assert len({row.id for row in [*first, *second]}) == 40
    plane.do(job_rows.put_back, [row.id for row in [*first, *second]])
    seen: list[Any] = []

    def note(_runtime: Runtime, task: Any, _deadline: Any) -> Step:
        seen.append(task.id)
        return Step({}, finished=True)

    ticks = [
        threading.Thread(target=work, args=(_runtime(plane), SimpleNamespace(left=1.0), {"count": note}))
        for _ in range(2)
    ]
    for tick in ticks:
        tick.start()
    for tick in ticks:
        tick.join()
    assert len(seen) == len(set(seen)) == SIZE


def test_what_is_not_begun_in_time_is_given_back(plane: Plane, tenant: Tenant) -> None:
    """Without an attempt; the next tick begins with it."""
    for number in range(3):
        plane.ask(tenant.principal.org_id, str(number))
    deadline = SimpleNamespace(left=1.0)

    def slowly(*_: Any) -> Step:
        deadline.left = 0.0
        return Step({}, finished=True)

    assert work(_runtime(plane), deadline, {"count": slowly}) == 1
    rows = plane.do(job_rows.due, ["count"], 5)
    assert [row.attempts for row in rows] == [0, 0]


def test_who_asks_while_others_are_served_is_next(
    plane: Plane, tenant: Tenant, other: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a tick has claimed and not begun does not come before it, nor who was served already in this tick."""
    monkeypatch.setattr("drovi_assets.chores.work.SLICE_SECONDS", 0.0)
    for number in range(6):
        plane.ask(tenant.principal.org_id, str(number))
    order: list[UUID] = []

    def slowly(_runtime: Runtime, task: Task, _deadline: Deadline) -> Step:
        order.append(task.org_id)
        if len(order) == 2:
            for number in range(2):
                plane.ask(other.principal.org_id, f"mine {number}")
        return Step({}, finished=True)

    assert work(_runtime(plane), SimpleNamespace(left=60.0), {"count": slowly}) == 8
    flooding, mine = tenant.principal.org_id, other.principal.org_id
    assert order == [flooding, flooding, mine, mine, flooding, flooding, flooding, flooding]


def test_a_step_has_a_part_of_the_tick(plane: Plane, tenant: Tenant) -> None:
    """One that goes on until its time is over leaves some to others."""
    plane.ask(tenant.principal.org_id, "long")
    given: list[float] = []

    def note(_runtime: Runtime, _task: Task, deadline: Deadline) -> Step:
        given.append(deadline.left)
        return Step({}, finished=True)

    work(_runtime(plane), SimpleNamespace(left=60.0), {"count": note})
    assert 0 < given[0] <= STEP_SECONDS


def test_a_claim_whose_worker_died_is_taken_up_again(plane: Plane, tenant: Tenant) -> None:
    """Once it is silent, and not while its heart beats."""
    job_id = plane.ask(tenant.principal.org_id, "one")
    (row,) = plane.take()
    assert (row.lease_expires_at - row.started_at).total_seconds() <= 60
    assert plane.do(job_rows.silent) == []
    plane.do(
        lambda session: session.execute(update(job).values(lease_expires_at=text("now() - interval '1 s'")))
    )
    assert [row.id for row in plane.do(job_rows.silent)] == [job_id]
    plane.do(job_rows.lost, [job_id])
    assert [row.attempts for row in plane.take()] == [2]
