"""The state machine of sync: everything that may happen to a connection, in any order, held against a ledger.

A sequence has a connection of its own in one database. Its steps are what happens at the provider (edits, deletions,
items that cannot be read, readers that change, each told at once, late or twice), what the provider does to who calls
it (429, 500, rejected cursors, a revoked credential), and what workers do (syncs, windows, sweeps; they die, lose
their database or oversleep). Hours pass when a step says so: the database's times are moved back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from drovi_assets.connectors import leases, runner
from drovi_assets.connectors.registry import ConnectorSpec
from drovi_assets.connectors.runtime import Runtime
from resources.budgets import BudgetSpent
from resources.errors import (
    Conflict,
    CredentialExpired,
    CursorRejected,
    NeedsPerson,
    ProviderDown,
    RateLimited,
    TimedOut,
    Transient,
)
from tests.fakes.hostile_source import THINGS, UNREADABLE, Hostile, HostileSource, NoConfig
from tests.fakes.mortal_database import Died, Fate, MortalDatabase
from tests.integration.connectors.conftest import Bench
from tests.integration.connectors.ledger import Ledger, Witness

STEPS = 30
LONG = 600.0
"""Seconds that no worker waits out by itself."""

_IDS = st.sampled_from(("a", "b", "c", "d", "e"))
_READERS = st.sampled_from(
    (
        None,
        None,
        frozenset(),
        frozenset({"ana@morel.example"}),
        frozenset({"ana@morel.example", "zoe@morel.example"}),
    )
)
_FATES = st.one_of(st.none(), st.tuples(st.sampled_from(Fate), st.integers(1, 12)))
_FAULTS: dict[str, Callable[[], Exception]] = {
    "500": lambda: ProviderDown("500"),
    "slow": lambda: TimedOut("slow"),
    "429": lambda: RateLimited("429", retry_after=3),
    "429 for long": lambda: RateLimited("429", retry_after=LONG),
    "410": lambda: CursorRejected("410"),
    "401": lambda: CredentialExpired("Refused.", remedy="Log in again."),
}
# No sum of these is near the 30 s of a sweep or the 45 s of a lease: a slow machine changes no outcome.
_WAITS = st.sampled_from((0, 12, 12, 96, 4008))
_TIME_PASSES = """
WITH due AS (UPDATE connection SET next_sync_at = next_sync_at - %(by)s WHERE id = %(id)s),
    budget AS (UPDATE call_budget SET counted_at = counted_at - %(by)s WHERE connection_id = %(id)s),
    lease AS (UPDATE connection_lease SET expires_at = expires_at - %(by)s WHERE connection_id = %(id)s)
UPDATE stream_cursor SET updated_at = updated_at - %(by)s WHERE connection_id = %(id)s
"""
_STATE = """
SELECT connection.status = 'active', next_sync_at <= now(), coalesce(lease.expires_at > clock_timestamp(), false)
FROM connection LEFT JOIN connection_lease lease ON lease.connection_id = connection.id WHERE connection.id = %(id)s
"""
_OVERSLEPT = "UPDATE connection_lease SET expires_at = clock_timestamp() WHERE connection_id = %(id)s"


@dataclass(frozen=True, slots=True)
class State:
    """A connection as a worker finds it."""

    active: bool
    due: bool
    held: bool


class SyncMachine(RuleBasedStateMachine):
    """One connection's life."""

    bench: Bench
    watch: psycopg.Connection[Any]
    """Sees and moves every row, each statement a transaction of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.source = HostileSource()
        self.ledger = Ledger()
        self.connection_id = self.bench.connect("hostile", {}, name=str(uuid4()))
        self.names = {"id": self.connection_id}
        self.passed = 0
        self.rivalled = self.stopped = False

    @initialize(
        lists=st.booleans(),
        page=st.integers(1, 4),
        repeat=st.sampled_from((0.0, 0.5)),
        seed=st.integers(0, 9),
    )
    def begins(self, lists: bool, page: int, repeat: float, seed: int) -> None:
        self.source.lists, self.source.page, self.source.repeat, self.source.seed = lists, page, repeat, seed
        self.source.spacing *= 24

    # At the provider -----------------------------------------------------------------------------

    @rule(
        ids=st.lists(_IDS, min_size=1, max_size=4),
        value=st.sampled_from("xyz"),
        readers=_READERS,
        late=st.booleans(),
    )
    def edits(self, ids: list[str], value: str, readers: frozenset[str] | None, late: bool) -> None:
        for one in ids:
            self.source.put(one, value, readers=readers, late=late)

    @rule(one=_IDS, late=st.booleans())
    def deletes(self, one: str, late: bool) -> None:
        self.source.remove(one, late=late)

    @rule(one=_IDS)
    def damages(self, one: str) -> None:
        self.source.put(one, UNREADABLE)

    @rule()
    def tells_late(self) -> None:
        self.source.tell_late()

    @rule(picks=st.lists(st.integers(0, 50), min_size=1, max_size=3))
    def tells_again(self, picks: list[int]) -> None:
        self.source.log += [self.source.log[pick] for pick in picks if pick < len(self.source.log)]

    @rule(fault=st.sampled_from(sorted(_FAULTS)), pages=st.integers(0, 2))
    def fails(self, fault: str, pages: int) -> None:
        self.source.faults += [*[None] * pages, _FAULTS[fault]()]

    @rule()
    def expires_cursors(self) -> None:
        self.source.expire_cursors()

    # With us ---------------------------------------------------------------------------------------

    @rule(seconds=_WAITS, budget=st.sampled_from((None, None, 0.0)), fate=_FATES)
    def syncs(self, seconds: int, budget: float | None, fate: tuple[Fate, int] | None) -> None:
        """As the schedule does it: where the connection is due."""
        self._wait(seconds)
        if self._state().due:
            self._turn(lambda runtime: runner.sync(runtime, self.connection_id, budget_seconds=budget), fate)

    @rule(seconds=_WAITS, budget=st.sampled_from((None, 0.0)), fate=_FATES)
    def reads_windows(self, seconds: int, budget: float | None, fate: tuple[Fate, int] | None) -> None:
        """The newest window that is not finished; a job keeps the provider's deadline as the schedule does."""

        def reads(runtime: Runtime) -> None:
            for stream, window in runner.windows(runtime, self.connection_id)[:1]:
                runner.backfill_window(runtime, self.connection_id, stream, window, budget_seconds=budget)

        self._wait(seconds)
        if self.ledger.now() >= self.ledger.quiet_until:
            self._turn(reads, fate)

    @rule(fate=_FATES)
    def oversleeps(self, fate: tuple[Fate, int] | None) -> None:
        """Between two pages the worker's time runs out, another one does its work, and it wakes."""
        self._wait(96)
        state = self._state()
        if not state.due or state.held or not state.active:
            return
        self.source.faults.clear()

        def rival() -> None:
            self.source.after_page, self.rivalled = None, True
            self.watch.execute(_OVERSLEPT, self.names)
            self._turn(lambda runtime: runner.sync(runtime, self.connection_id), fate)

        self.source.after_page = rival
        self._turn(lambda runtime: runner.sync(runtime, self.connection_id))
        self.source.after_page, self.rivalled = None, False

    @rule()
    def is_told_to_start_over(self) -> None:
        state = self._state()
        if state.held:
            return
        runner.start_over(self._runtime(None), self.connection_id, THINGS)
        self.ledger.start_over()
        self._compare()

    @rule()
    def is_mended(self) -> None:
        """The owner logged in again, and the connection is checked."""
        if self.stopped and not self._state().held:
            with suppress(
                BudgetSpent
            ):  # while the provider's deadline stands nobody calls, not even to check
                runner.check(self._runtime(None), self.connection_id)
                self.stopped = False

    def teardown(self) -> None:
        """The provider calms down and everything is read: then what is stored is what is true there."""
        self.source.faults.clear()
        self.source.tell_late()
        self._wait(4008)
        self._state()
        runtime = self._runtime(None)
        runner.check(runtime, self.connection_id)
        runner.backfill(runtime, self.connection_id, sweep=True)
        self._compare()
        readable = {one for one, event in self.source.newest.items() if event.value != UNREADABLE}
        items = {one: item for one, item in self.ledger.items.items() if one in readable}
        assert {one: item.readers for one, item in items.items()} == {
            one: self.source.newest[one].readers for one in readable
        }
        assert {one: item.version for one, item in items.items()} == {
            one: self.source.newest[one].version for one in readable
        }
        assert self.ledger.items.keys() <= self.source.newest.keys(), "what is gone is still here"

    # Helpers ---------------------------------------------------------------------------------------

    def _turn(self, work: Callable[[Runtime], object], fate: tuple[Fate, int] | None = None) -> None:
        """One worker at work, and what may come of it."""
        state = self._state()
        blocked = state.held or not state.active
        database = self._database(fate)
        try:
            work(self._runtime(database))
        except Conflict:
            assert blocked, "refused though nobody else was at work"
        except leases.Fenced:
            assert self.rivalled, "fenced though nobody else was at work"
        except NeedsPerson:
            self.stopped = True
        except (Transient, Died):
            pass
        else:
            assert not blocked, "worked though it was another one's turn"
        if database.met:
            # Who dies, or cannot write it down, takes the provider's deadline along.
            self.ledger.quiet_until = 0
        self._compare()

    def _compare(self) -> None:
        self.ledger.lost()
        self.ledger.compare(self.watch, self.connection_id)

    def _wait(self, seconds: int) -> None:
        self.ledger.moved += seconds
        self.passed += seconds

    def _state(self) -> State:
        if self.passed:
            self.watch.execute(_TIME_PASSES, {**self.names, "by": timedelta(seconds=self.passed)})
            self.passed = 0
        row = self.watch.execute(_STATE, self.names).fetchone()
        assert row is not None
        return State(*row)

    def _database(self, fate: tuple[Fate, int] | None) -> MortalDatabase:
        return MortalDatabase(self.bench.database.worker, self.ledger.kept, self.ledger.lost, fate)

    def _runtime(self, database: MortalDatabase | None) -> Runtime:
        spec = ConnectorSpec(
            "hostile",
            "Hostile",
            NoConfig,
            lambda _config, _secrets: Witness(Hostile(self.source), self.ledger),
        )
        return replace(
            self.bench.with_connector(spec),
            database=database or self._database(None),
            sleep=self.ledger.sleep,
            jitter=lambda: 0.5,
        )
