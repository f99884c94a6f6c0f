"""Budgets: however many processes call, never more often than allowed, by the database's clock, and not before a deadline."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from sqlalchemy import select, text

from resources import budgets
from resources.budgets import UNLIMITED, Caller, Rate, Rates
from resources.schema import call_budget
from tests.conftest import REPOSITORY, Tenant
from tests.integration.jobs.conftest import Plane

PER_SECOND = 20.0
BURST = 5.0

_WORKER = """
import sys, time
from uuid import UUID
from resources import budgets
from resources.budgets import Caller, Rate, Rates
from resources.database import WorkerDatabase

url, org_id, connection_id, seconds = sys.argv[1:]
database = WorkerDatabase(url)
caller = Caller("gmail", UUID(org_id), UUID(connection_id))
rates = Rates(provider=Rate(20.0, 5.0))
calls = 0
until = time.time() + float(seconds)
while time.time() < until:
    with database.dispatch() as session:
        wait = budgets.take(session, caller, rates)
    calls += not wait
    time.sleep(wait and 0.005)
print(calls)
"""


@pytest.fixture
def caller(plane: Plane, tenant: Tenant) -> Caller:
    return Caller("gmail", tenant.principal.org_id, plane.connect(tenant))


def _take(plane: Plane, caller: Caller, rates: Rates, calls: float = 1) -> float:
    return plane.do(budgets.take, caller, rates, calls)


def test_what_has_no_rate_is_not_counted(plane: Plane, caller: Caller) -> None:
    """And leaves no row behind."""
    assert [_take(plane, caller, UNLIMITED) for _ in range(100)] == [0] * 100
    assert plane.do(lambda session: session.execute(select(call_budget)).all()) == []


def test_a_burst_and_then_a_wait(plane: Plane, caller: Caller) -> None:
    """The wait is what a token takes to come, and after it there is one."""
    rates = Rates(connection=Rate(2.0, 3.0))
    assert [_take(plane, caller, rates) for _ in range(3)] == [0, 0, 0]
    wait = _take(plane, caller, rates)
    assert 0.3 < wait <= 0.5
    time.sleep(wait)
    assert _take(plane, caller, rates) == 0


@pytest.mark.parametrize("scope", ["provider", "organisation", "connection"])
def test_each_bucket_holds_back_whoever_shares_it_and_nobody_else(
    plane: Plane, tenant: Tenant, other: Tenant, caller: Caller, scope: str
) -> None:
    """And a call that one of them refuses takes nothing out of the others."""
    rates = Rates(**{scope: Rate(0.01, 1.0)})
    colleague = Caller("gmail", tenant.principal.org_id, plane.connect(tenant, name="Another"))
    stranger = Caller("gmail", other.principal.org_id, plane.connect(other))
    elsewhere = Caller("graph", tenant.principal.org_id, caller.connection_id)
    assert _take(plane, caller, rates) == 0
    assert _take(plane, caller, rates) > 0
    free = {one for one in (colleague, stranger, elsewhere) if _take(plane, one, rates) == 0}
    assert (
        free
        == {
            "provider": {elsewhere},
            "organisation": {stranger, elsewhere},
            "connection": {colleague, stranger, elsewhere},
        }[scope]
    )


def test_a_refused_call_costs_nothing(plane: Plane, caller: Caller) -> None:
    full = Rates(organisation=Rate(0.001, 5.0), connection=Rate(0.001, 1.0))
    _take(plane, caller, full)
    for _ in range(10):
        assert _take(plane, caller, full) > 0
    tokens = plane.do(
        lambda session: session.execute(
            select(call_budget.c.tokens).where(
                call_budget.c.connection_id.is_(None), call_budget.c.org_id.is_not(None)
            )
        ).scalar_one()
    )
    assert tokens == pytest.approx(4.0, abs=0.1)


def test_two_processes_together_never_exceed_the_rate(plane: Plane, tenant: Tenant, caller: Caller) -> None:
    """One whose clock is an hour off included: the database's counts. Between them they come close to what is allowed."""
    seconds = 1.5
    began = time.time()
    workers = []
    for connection_id in (caller.connection_id, plane.connect(tenant, name="Another")):
        arguments = [
            plane.database.urls.worker,
            str(caller.org_id),
            str(connection_id),
            str(seconds),
        ]
        workers.append(
            subprocess.Popen(
                [sys.executable, "-c", _WORKER, *arguments],
                stdout=subprocess.PIPE,
                text=True,
                cwd=REPOSITORY,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY), "TZ": "Asia/Tokyo"},
            )
        )
    calls = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    allowed = BURST + PER_SECOND * (time.time() - began)
    assert all(calls)
    assert sum(calls) <= allowed


def test_a_deadline_of_the_providers_stands_for_everybody(
    plane: Plane, tenant: Tenant, caller: Caller
) -> None:
    """For the one connection, with a rate or without; a later one is kept, and the other connections go on."""
    plane.do(budgets.drain, caller, 100)
    plane.do(budgets.drain, caller, 5)
    for rates in (UNLIMITED, Rates(connection=Rate(100.0, 100.0))):
        for calls in (0, 1):
            assert 90 < _take(plane, caller, rates, calls) < 101
    colleague = Caller("gmail", caller.org_id, plane.connect(tenant, name="Another"))
    assert _take(plane, colleague, UNLIMITED) == 0


def test_a_bucket_does_not_fill_beyond_its_burst_nor_before_a_deadline(plane: Plane, caller: Caller) -> None:
    """Whatever was counted last; at the deadline there is no burst, and the first call comes a token's time after it."""
    rates = Rates(connection=Rate(0.01, 4.0))
    _take(plane, caller, rates)
    past = text("UPDATE call_budget SET counted_at = now() - interval '1 year'")
    plane.do(lambda session: session.execute(past))
    assert [_take(plane, caller, rates) for _ in range(4)] == [0] * 4
    assert _take(plane, caller, rates) > 0
    quick = Rates(connection=Rate(10.0, 4.0))
    began = time.monotonic()
    plane.do(budgets.drain, caller, 0.3)
    while wait := _take(plane, caller, quick):
        time.sleep(wait)
    assert time.monotonic() - began >= 0.4


def test_more_calls_than_ever_fit_wait_for_a_full_bucket(plane: Plane, caller: Caller) -> None:
    """And leave it in debt, in place of waiting for ever."""
    rates = Rates(connection=Rate(1.0, 2.0))
    assert _take(plane, caller, rates, 10) == 0
    assert _take(plane, caller, rates) == pytest.approx(9.0, abs=0.5)


def test_budgets_go_with_what_they_are_for(plane: Plane, caller: Caller) -> None:
    plane.do(budgets.drain, caller, 5)
    gone = text("DELETE FROM connection WHERE id = :id")
    plane.do(lambda session: session.execute(gone, {"id": caller.connection_id}))
    assert plane.do(lambda session: session.execute(select(call_budget)).all()) == []
