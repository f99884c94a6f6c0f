"""Schedules heal by themselves, ask for each slot exactly once, and make up for one of those that were missed."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from drovi_assets.chores.periodic import PERIODIC
from drovi_assets.chores.registry import CHORES
from drovi_assets.schedules import GOLDEN_EVALUATION
from resources import schedules
from resources.errors import Conflict, NotFound
from resources.schedules import Periodic, Rhythm
from resources.schema import connection as connection_table
from resources.schema import job, organisation, schedule
from tests.conftest import Tenant
from tests.integration.jobs.conftest import Plane

EVERY = "SELECT id FROM organisation WHERE status = 'active'"
SIZE = int(os.environ.get("DROVI_SCHEDULES", "300"))
HOURLY = {
    "report": Periodic(Rhythm(interval_seconds=3600), EVERY),
    "tidy": Periodic(Rhythm(cron="0 3 * * *")),
}


def _rows(plane: Plane, table: Any) -> list[Any]:
    return plane.do(lambda session: session.execute(select(table)).all())


def _overdue(plane: Plane, by: str = "1 minute") -> None:
    late = text(f"now() - interval '{by}'")
    plane.do(lambda session: session.execute(update(schedule).values(next_run_at=late)))


def _killed_after(act: Any) -> Any:
    def killed(*arguments: Any) -> None:
        act(*arguments)
        raise KeyboardInterrupt

    return killed


def test_missing_rows_are_made_and_those_of_no_kind_go(plane: Plane, tenant: Tenant, other: Tenant) -> None:
    """One for each organisation that has the kind, one for the platform; twice is once."""
    first = plane.do(schedules.reconcile, HOURLY)
    assert (first.made, first.dropped, first.asked) == (3, 0, 0)
    assert all(row.next_run_at is not None for row in _rows(plane, schedule))
    assert plane.do(schedules.reconcile, HOURLY).made == 0
    suspend = (
        update(organisation).where(organisation.c.id == other.principal.org_id).values(status="suspended")
    )
    plane.do(lambda session: session.execute(suspend))
    assert plane.do(schedules.reconcile, HOURLY).dropped == 1
    only = {"tidy": HOURLY["tidy"]}
    assert plane.do(schedules.reconcile, only).dropped == 1
    assert [(row.kind, row.org_id) for row in _rows(plane, schedule)] == [("tidy", None)]


def test_a_slot_is_asked_for_once_and_missed_ones_collapse(plane: Plane, tenant: Tenant) -> None:
    """After three days away there is one job each, and the next time lies ahead."""
    plane.do(schedules.reconcile, HOURLY)
    _overdue(plane, "3 days")
    assert plane.do(schedules.reconcile, HOURLY).asked == 2
    assert plane.do(schedules.reconcile, HOURLY).asked == 0
    jobs = _rows(plane, job)
    assert {(row.kind, row.org_id) for row in jobs} == {("report", tenant.principal.org_id), ("tidy", None)}
    times = plane.do(
        lambda session: session.execute(select(schedule.c.next_run_at > text("now()"))).scalars().all()
    )
    assert times == [True, True]


def test_a_kill_in_the_middle_loses_no_slot_and_doubles_none(plane: Plane, tenant: Tenant) -> None:
    """Whatever the pass had done; there is nothing to set up again after a restart."""
    plane.do(schedules.reconcile, HOURLY)
    for _ in range(3):
        _overdue(plane)
        with pytest.raises(KeyboardInterrupt):
            plane.do(_killed_after(schedules.reconcile), HOURLY)
        assert plane.do(schedules.reconcile, HOURLY).asked == 2
    keys = [row.idempotency_key for row in _rows(plane, job)]
    assert len(keys) == len(set(keys)) == 6


def test_two_passes_at_once_share_the_work(plane: Plane, tenant: Tenant) -> None:
    plane.do(schedules.reconcile, HOURLY)
    _overdue(plane)
    with plane.database.worker.dispatch() as session:
        assert schedules.ask_due(session, limit=1) == 1
        assert plane.do(schedules.ask_due) == 1
    assert len(_rows(plane, job)) == 2


def test_a_schedule_waits_while_it_is_not_enabled_and_can_be_asked_for_now(
    plane: Plane, tenant: Tenant
) -> None:
    """By administration too, which sees no content."""
    plane.do(schedules.reconcile, HOURLY)
    (row,) = [one for one in plane.do(schedules.listed) if one.kind == "tidy"]
    with plane.database.identity.transaction() as session:
        schedules.enable(session, row.id, enabled=False)
    with pytest.raises(Conflict):
        plane.do(schedules.run_now, row.id)
    assert plane.do(schedules.reconcile, HOURLY).asked == 0
    with plane.database.identity.transaction() as session:
        schedules.enable(session, row.id, enabled=True)
        schedules.run_now(session, row.id)
    assert plane.do(schedules.reconcile, HOURLY).asked == 1
    with pytest.raises(NotFound):
        plane.do(schedules.run_now, tenant.principal.org_id)


def test_one_without_a_rhythm_does_not_hold_the_others_up(plane: Plane, tenant: Tenant) -> None:
    """Written past all checks; it is looked at again tomorrow."""
    plane.do(schedules.reconcile, HOURLY)
    bad = insert(schedule).values(kind="report", org_id=None, cron="0 0 30 2 *", next_run_at=text("now()"))
    plane.do(lambda session: session.execute(bad))
    _overdue(plane)
    assert plane.do(schedules.ask_due) == 3


def test_sources_times_are_mended(plane: Plane, tenant: Tenant) -> None:
    """An absurd one comes now, or at its next slot; what a provider asked for, and a weekly slot, are left."""
    day = timedelta(days=1)
    values = {
        "absurd": {"next_sync_at": text("now() + interval '100 years'")},
        "asked": {"next_sync_at": text("now() + interval '20 hours'")},
        "slow": {"next_sync_at": text("now() + interval '6 days'"), "sync_interval_seconds": 7 * 86_400},
        "cron": {"next_sync_at": text("now() + interval '100 years'"), "sync_cron": "0 7 * * *"},
        "weekly": {"sync_cron": "0 7 * * 1", "next_sync_at": text("now() + interval '7 days'")},
    }
    ids = {name: plane.connect(tenant, name=name) for name in values}
    for name, connection_id in ids.items():
        mine = update(connection_table).where(connection_table.c.id == connection_id)
        plane.do(lambda session, change: session.execute(change), mine.values(values[name]))

    def ahead() -> dict[str, timedelta]:
        query = select(connection_table.c.name, connection_table.c.next_sync_at - text("now()"))
        return dict(map(tuple, plane.do(lambda session: session.execute(query).all())))

    before = ahead()
    healed = plane.do(schedules.heal_connections)
    after = ahead()
    assert healed >= 2
    assert after["absurd"] <= timedelta(0)
    assert timedelta(0) < after["cron"] <= day
    for name in ("asked", "slow"):
        assert abs(after[name] - before[name]) < timedelta(minutes=1)
    assert timedelta(0) < after["weekly"] <= 7 * day


def test_many_schedules_cost_a_few_statements(plane: Plane, tenant: Tenant) -> None:
    """However many are due: each has its job, by sets."""
    many = text(
        "INSERT INTO schedule (org_id, connection_id, kind, interval_seconds, next_run_at)"
        " SELECT :org_id, connection.id, 'report', 3600, now() FROM connection"
    )
    template = plane.connect(tenant)
    copies = text(
        "INSERT INTO connection (org_id, owner_id, connector, name, audience_id, sync_cron, next_sync_at)"
        " SELECT org_id, owner_id, connector, name || n, audience_id, '0 7 * * *', now() + interval '9 years'"
        " FROM connection, generate_series(2, :n) AS n WHERE connection.id = :id"
    )
    plane.do(lambda session: session.execute(copies, {"n": SIZE, "id": template}))
    plane.do(lambda session: session.execute(many, {"org_id": tenant.principal.org_id}))
    began = time.perf_counter()
    done = plane.do(schedules.reconcile, HOURLY)
    print(f"schedules.reconcile at {SIZE}: {time.perf_counter() - began:.2f} s")
    assert (done.asked, done.healed) == (SIZE, SIZE - 1)


def test_every_periodic_kind_can_be_done() -> None:
    """By a chore, or by the run that ``job_requests`` asks for; with a rhythm that is one."""
    assert set(PERIODIC) <= {*CHORES, GOLDEN_EVALUATION}
    for one in PERIODIC.values():
        one.rhythm.checked()
