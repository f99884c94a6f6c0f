"""Whatever a provider does wrong, what ends up current is what is true there: nothing lost, nothing twice."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from drovi_assets.connectors import leases, runner
from drovi_assets.connectors.registry import ConnectorSpec
from resources.budgets import BudgetSpent, Rate, Rates
from resources.errors import Conflict, CredentialExpired, CursorRejected, ProviderDown, RateLimited, TimedOut
from resources.schema import connection as connection_table
from resources.schema import connection_lease, skipped_item, source_item
from resources.telemetry import metrics
from tests.fakes.hostile_source import THINGS, UNREADABLE, HostileSource
from tests.integration.connectors.conftest import Bench


def busy(**settings: object) -> HostileSource:
    """A source with a past: 60 things edited and deleted at random, the same each time."""
    source, chance = HostileSource(**settings), random.Random(7)
    for _ in range(200):
        provider_id = f"thing-{chance.randrange(60)}"
        if chance.random() < 0.2:
            source.remove(provider_id)
        else:
            source.put(provider_id, str(chance.randrange(5)))
    return source


def values(bench: Bench, connection_id: UUID) -> dict[str, str]:
    return {provider_id: payload["value"] for provider_id, payload in bench.current(connection_id).items()}


def test_repeated_and_shuffled_pages_change_nothing(bench: Bench) -> None:
    """Every page delivered twice, each in any order, and the whole stream three times over."""
    source = busy(repeat=1.0)
    runtime = bench.with_connector(source.spec())
    connection_id = bench.connect("hostile", {})
    runner.backfill(runtime, connection_id)
    assert values(bench, connection_id) == source.truth
    ids = _item_ids(bench, connection_id)
    for _ in range(2):
        runner.start_over(runtime, connection_id, THINGS)
        source.seed += 1
        runner.sync(runtime, connection_id)
        assert values(bench, connection_id) == source.truth
        assert _item_ids(bench, connection_id) == ids


def test_transient_errors_are_sat_out_and_deadlines_kept(bench: Bench) -> None:
    """A few failures between pages cost nothing but waits, none shorter than the provider asked for."""
    waits: list[float] = []
    source = busy(faults=[ProviderDown("500"), RateLimited("429", retry_after=3), TimedOut("slow")])
    runtime = bench.with_connector(source.spec(), sleep=waits.append)
    connection_id = bench.connect("hostile", {})
    runner.backfill(runtime, connection_id)
    assert values(bench, connection_id) == source.truth
    assert len(waits) == 3
    assert waits[1] >= 3


def test_a_long_deadline_is_left_to_the_schedule(bench: Bench) -> None:
    """A provider that asks for an hour gets it: no call meanwhile, and the connection is due after it."""
    source = busy(faults=[RateLimited("429", retry_after=3600)])
    runtime = bench.with_connector(source.spec(), sleep=lambda _: pytest.fail("slept"))
    connection_id = bench.connect("hostile", {})
    runner.sync(replace(runtime, connectors={"hostile": HostileSource().spec()}), connection_id)
    with pytest.raises(RateLimited):
        runner.sync(runtime, connection_id)
    row = bench.row(connection_id)
    assert row.status == "active"
    assert (row.next_sync_at - row.last_synced_at).total_seconds() > 3600


def test_a_source_that_is_read_once_a_day_is_asked_again_in_minutes_after_a_fault(bench: Bench) -> None:
    """It was away for a moment: its rhythm is for what is new, not for that."""
    runtime = bench.with_connector(busy(faults=[ProviderDown("503")] * 9).spec(), sleep=lambda _: None)
    connection_id = bench.connect("hostile", {})
    with bench.database.worker.organisation(bench.org_id) as session:
        session.execute(
            update(connection_table).values(sync_interval_seconds=86_400, next_sync_at=func.now())
        )
        due = session.execute(select(connection_table.c.next_sync_at)).scalar_one()
    with pytest.raises(ProviderDown):
        runner.sync(runtime, connection_id)
    assert 0 < (bench.row(connection_id).next_sync_at - due).total_seconds() < 3600


def test_nothing_is_called_before_a_deadline_whoever_asks(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's sync does not look at the schedule, nor does a run; both are put off without a call."""
    source = busy(faults=[RateLimited("429", retry_after=3600)])
    runtime = bench.with_connector(source.spec(), sleep=lambda _: pytest.fail("slept"))
    connection_id = bench.connect("hostile", {})
    with pytest.raises(RateLimited):
        runner.backfill(runtime, connection_id)
    monkeypatch.setattr(ConnectorSpec, "connect", lambda *_: pytest.fail("called"))
    for ask in (runner.sync, runner.windows, runner.check):
        with pytest.raises(BudgetSpent) as spent:
            ask(runtime, connection_id)
        assert 3500 < (spent.value.retry_after or 0) <= 3600


def test_calls_are_paced_and_put_off_where_that_takes_long(bench: Bench) -> None:
    """Within its patience a sync waits for its turn to call; beyond it the schedule does, and nothing is lost."""
    waits: list[float] = []
    source = busy()
    spec = replace(source.spec(), rates=Rates(connection=Rate(8.0, 1.0)))

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    runtime = bench.with_connector(spec, sleep=sleep)
    connection_id = bench.connect("hostile", {})
    runner.backfill(runtime, connection_id)
    assert values(bench, connection_id) == source.truth
    assert waits
    assert max(waits) <= 1 / 8
    slow = replace(runtime, rates={"hostile": Rate(0.001, 1.0)}, sleep=sleep)
    source.put("late", "1")
    with pytest.raises(BudgetSpent):
        runner.sync(slow, connection_id)
    assert max(waits) <= 1 / 8, "slept until the provider would have let it"
    assert bench.row(connection_id).status == "active"
    runner.sync(runtime, connection_id)
    assert values(bench, connection_id) == source.truth


def test_a_lost_cursor_starts_over_and_removes_what_went_meanwhile(bench: Bench) -> None:
    """Ids are kept, nothing doubles, and what was deleted while the position was lost is swept."""
    source = busy(lists=True)
    runtime = bench.with_connector(source.spec())
    connection_id = bench.connect("hostile", {})
    runner.backfill(runtime, connection_id)
    ids = _item_ids(bench, connection_id)
    gone = next(iter(source.truth))
    source.remove(gone)
    source.put("newcomer", "1")
    source.expire_cursors()
    report = runner.sync(runtime, connection_id)
    assert report.swept
    assert values(bench, connection_id) == source.truth
    kept = {provider_id: item for provider_id, item in ids.items() if provider_id != gone}
    assert kept.items() <= _item_ids(bench, connection_id).items()


def test_a_position_may_be_lost_more_than_once_in_a_reading(bench: Bench) -> None:
    """It is begun anew each time; a provider that loses every position is left to the schedule, no defect of ours."""
    source = busy()
    runtime = bench.with_connector(source.spec())
    connection_id = bench.connect("hostile", {})
    runner.backfill(runtime, connection_id)
    source.put("late", "1")
    source.faults = [CursorRejected("410"), None, None, CursorRejected("410")]
    assert runner.sync(runtime, connection_id).complete
    assert values(bench, connection_id) == source.truth
    source.put("later", "1")
    source.faults = [CursorRejected("410"), *[None, CursorRejected("410")] * (runner.ATTEMPTS - 1)]
    with pytest.raises(ProviderDown):
        runner.sync(runtime, connection_id)
    runner.sync(runtime, connection_id)
    assert values(bench, connection_id) == source.truth


def test_a_revoked_credential_stops_the_connection(bench: Bench) -> None:
    """One call, no retry; the owner is told, the cursor is kept, and nothing runs until a check succeeds."""
    source = busy()
    runtime = bench.with_connector(source.spec())
    connection_id = bench.connect("hostile", {})
    runner.backfill(runtime, connection_id)
    source.put("late", "1")
    source.faults = [CredentialExpired("Refused.", remedy="Log in again.")]
    with pytest.raises(CredentialExpired):
        runner.sync(runtime, connection_id)
    assert (bench.row(connection_id).status, bench.row(connection_id).status_detail) == (
        "needs_person",
        "Refused. Log in again.",
    )
    read_before = source.pages_read
    with pytest.raises(Conflict):
        runner.sync(runtime, connection_id)
    assert source.pages_read == read_before
    runner.check(runtime, connection_id)
    assert runner.sync(runtime, connection_id).landed.new == 1


def test_damaged_items_are_kept_with_their_reason(bench: Bench) -> None:
    """They do not stop their page, and are forgotten when they can be read."""
    source = HostileSource()
    source.put("good", "1")
    source.put("bad", UNREADABLE)
    source.put("nul", "1")
    runtime = bench.with_connector(source.spec())
    connection_id = bench.connect("hostile", {})
    runner.backfill(runtime, connection_id)
    with bench.database.worker.organisation(bench.org_id) as session:
        assert session.execute(select(skipped_item.c.provider_id)).scalars().all() == ["bad"]
    source.put("bad", "mended")
    runner.sync(runtime, connection_id)
    with bench.database.worker.organisation(bench.org_id) as session:
        assert session.execute(select(skipped_item.c.provider_id)).scalars().all() == []


@pytest.mark.parametrize("lists", [False, True], ids=["by an event", "by a listing"])
def test_damaged_items_that_are_gone_are_forgotten(bench: Bench, lists: bool) -> None:
    """Nobody is asked to mend what does not exist any more."""
    source = HostileSource(lists=lists)
    runtime = bench.with_connector(source.spec())
    connection_id = bench.connect("hostile", {})
    source.put("good", "1")
    source.put("bad", UNREADABLE)
    source.put("gone", UNREADABLE)
    runner.backfill(runtime, connection_id, sweep=True)
    source.remove("gone")
    runner.sync(runtime, connection_id, sweep=True)
    with bench.database.worker.organisation(bench.org_id) as session:
        assert session.execute(select(skipped_item.c.provider_id)).scalars().all() == ["bad"]


def test_a_budget_stops_between_pages_and_the_next_call_goes_on(bench: Bench) -> None:
    """An empty budget still commits one page, so that every call gets somewhere."""
    source = busy()
    runtime = bench.with_connector(source.spec())
    connection_id = bench.connect("hostile", {})
    runner.start_over(runtime, connection_id, THINGS)
    calls = 0
    while not runner.sync(runtime, connection_id, budget_seconds=0).complete:
        calls += 1
    assert calls == 200 // source.page - 1
    assert values(bench, connection_id) == source.truth


def test_a_holder_that_lost_its_turn_commits_nothing(bench: Bench) -> None:
    """Two workers, one connection: the second waits its turn out, and the first is fenced when it wakes."""
    source = busy()
    runtime = bench.with_connector(source.spec(), lease_seconds=0.2)
    connection_id = bench.connect("hostile", {})

    def overslept() -> None:
        """Between two pages of the first worker its time runs out, and another one reads everything."""
        source.after_page = None
        with bench.database.worker.dispatch() as session:
            session.execute(update(connection_lease).values(expires_at="2020-01-01"))
        runner.sync(replace(runtime, lease_seconds=60), connection_id)

    runner.start_over(runtime, connection_id, THINGS)
    with bench.database.worker.dispatch() as session:
        session.execute(update(connection_lease).values(expires_at="2020-01-01"))
    source.after_page = overslept
    with pytest.raises(leases.Fenced):
        runner.sync(replace(runtime, lease_seconds=60), connection_id)
    assert values(bench, connection_id) == source.truth


def test_a_running_turn_is_not_taken(bench: Bench) -> None:
    """The second worker is told so and touches nothing; when the turn runs out, the fence rises."""
    connection_id = bench.connect("hostile", {})
    first = leases.acquire(bench.database.worker, bench.org_id, connection_id, "first", 60)
    with pytest.raises(Conflict):
        leases.acquire(bench.database.worker, bench.org_id, connection_id, "second", 60)
    with bench.database.worker.dispatch() as session:
        session.execute(update(connection_lease).values(expires_at="2020-01-01"))
    second = leases.acquire(bench.database.worker, bench.org_id, connection_id, "second", 60)
    assert second.fence == first.fence + 1
    leases.release(bench.database.worker, first)
    with pytest.raises(leases.Fenced), bench.database.worker.organisation(bench.org_id) as session:
        first.renew(session)
    with bench.database.worker.organisation(bench.org_id) as session:
        second.renew(session)


def test_a_turn_that_ran_out_counts_as_taken_over_and_one_let_go_does_not(bench: Bench) -> None:
    """Who watches learns of workers that died, not of those that finished."""
    connection_id = bench.connect("hostile", {})

    def taken_over() -> float:
        return metrics.registry.get_sample_value("drovi_lease_takeovers_total", {"lease": "connection"}) or 0

    before = taken_over()
    turn = leases.acquire(bench.database.worker, bench.org_id, connection_id, "first", 60)
    leases.release(bench.database.worker, turn)
    leases.acquire(bench.database.worker, bench.org_id, connection_id, "second", 60)
    assert taken_over() == before
    with bench.database.worker.dispatch() as session:
        session.execute(update(connection_lease).values(expires_at="2020-01-01"))
    leases.acquire(bench.database.worker, bench.org_id, connection_id, "third", 60)
    assert taken_over() == before + 1


def _item_ids(bench: Bench, connection_id: UUID) -> dict[str, UUID]:
    with bench.database.worker.organisation(bench.org_id) as session:
        rows = session.execute(
            select(source_item.c.provider_id, source_item.c.id).where(
                source_item.c.connection_id == connection_id, source_item.c.superseded_at.is_(None)
            )
        )
        return {row.provider_id: row.id for row in rows}
