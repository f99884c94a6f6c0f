"""Landing as a state machine: whatever order versions and deletions arrive in, the highest one stands.

The model is three lines: per id the highest version wins, a deletion holds against its own version and lower ones.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select, text, update

from drovi_assets.connectors import deletions, landing
from drovi_assets.connectors.contract import Change, Gone
from drovi_assets.connectors.landing import LandingResult, LandingScope, land
from resources.schema import source_item
from tests.integration.connectors.conftest import Bench

IDS = ("a", "b", "c")
CONTENTS = ("x", "y")
Event = tuple[str, int, str | None]
HISTORY: list[Event] = [
    ("a", 1, "x"),
    ("b", 2, "x"),
    ("a", 3, "y"),
    ("a", 4, "x"),
    ("b", 5, None),
    ("b", 6, "x"),
    ("c", 7, None),
]
"""A beginning with a return (A, B, A), a revival and a deletion of what was never seen."""


@pytest.fixture
def scope(bench: Bench) -> LandingScope:
    connection_id = bench.connect("documents", {"path": "/nowhere"})
    return LandingScope(bench.org_id, connection_id, "files", bench.tenant.principal.audiences[0], 2026)


def change(provider_id: str, version: int, content: str) -> Change:
    return Change(provider_id, version, f'{{"content": "{content}"}}')


def machine(bench: Bench, scope: LandingScope) -> type[RuleBasedStateMachine]:
    """Pages of events from one history, drawn with repeats and in any order."""

    class Landing(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.log = list(HISTORY)
            self.delivered: list[Event] = []
            # One transaction a history, rolled back at its end: nothing to clean, nothing to wait for.
            self.connection = bench.database.worker._engine.connect()
            self.connection.execute(
                text("SELECT set_config('drovi.org_id', :org, true)"), {"org": str(scope.org_id)}
            )

        def teardown(self) -> None:
            self.connection.rollback()
            self.connection.close()

        @rule(provider_id=st.sampled_from(IDS), content=st.sampled_from((*CONTENTS, None)))
        def happens(self, provider_id: str, content: str | None) -> None:
            self.log.append((provider_id, len(self.log) + 1, content))

        @rule(picks=st.lists(st.integers(0, 99), min_size=1, max_size=5))
        def page_arrives(self, picks: list[int]) -> None:
            page = [self.log[pick % len(self.log)] for pick in picks]
            gone = [Gone(one, version) for one, version, content in page if content is None]
            items = [change(one, version, content) for one, version, content in page if content is not None]
            deletions.bury(self.connection, scope, gone, lambda _session, _org_id, _documents: None)
            result = land(self.connection, scope, items)
            seen = result.new + result.changed + result.unchanged + result.stale
            assert seen == len({item.provider_id for item in items})
            self.delivered += page

        @invariant()
        def the_highest_version_stands(self) -> None:
            newest: dict[str, Event] = {}
            for event in sorted(self.delivered, key=lambda event: event[1]):
                newest[event[0]] = event
            expected = {
                one: (version, content) for one, version, content in newest.values() if content is not None
            }
            rows = self.connection.execute(
                select(source_item.c.provider_id, source_item.c.version, source_item.c.payload).where(
                    source_item.c.superseded_at.is_(None)
                )
            ).all()
            found = {row.provider_id: (row.version, row.payload.split('"')[3]) for row in rows}
            assert found == expected
            assert len(rows) == len(found)

    return Landing


def run(bench: Bench, scope: LandingScope) -> None:
    run_state_machine_as_test(
        machine(bench, scope),
        settings=settings(
            max_examples=50,
            phases=[Phase.generate],  # a failure is read from its steps; shrinking costs a minute
            stateful_step_count=15,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_highest_version_stands_in_any_order(bench: Bench, scope: LandingScope) -> None:
    """Repeats, shuffles, deletions before and after what they delete."""
    run(bench, scope)


@pytest.mark.parametrize(
    ("rule_name", "weaker"),
    [
        ("tombstones hold", ("landing.version > coalesce", "0 <= coalesce")),
        ("late is late", ("AND met.version >= met.current_version\n)", ")")),
        ("versions rise", ("(met.version > met.current_version OR met.other_readers)", "met.other_readers")),
    ],
)
def test_the_machine_catches_a_landing_that_breaks_a_rule(
    bench: Bench,
    scope: LandingScope,
    monkeypatch: pytest.MonkeyPatch,
    rule_name: str,
    weaker: tuple[str, str],
) -> None:
    """Tombstones that do not hold, late versions that win, a version that does not rise: each is found."""
    assert weaker[0] in landing._COMPARE, rule_name
    for statement in ("_COMPARE", "_SUCCEED"):
        monkeypatch.setattr(landing, statement, getattr(landing, statement).replace(*weaker))
    with pytest.raises(AssertionError):
        run(bench, scope)


def lands(bench: Bench, scope: LandingScope, *changes: Change) -> LandingResult:
    with bench.database.worker.organisation(scope.org_id) as session:
        return land(session, scope, changes)


def test_content_that_returns_brings_its_row_back(bench: Bench, scope: LandingScope) -> None:
    """A, B, A: the first row is current again, and waits to be derived again."""
    lands(bench, scope, change("a", 1, "x"))
    with bench.database.worker.organisation(scope.org_id) as session:
        first: UUID = session.execute(select(source_item.c.id)).scalar_one()
        session.execute(update(source_item).values(processed_at=func.now()))
    lands(bench, scope, change("a", 2, "y"))
    lands(bench, scope, change("a", 3, "x"))
    with bench.database.worker.organisation(scope.org_id) as session:
        row = session.execute(select(source_item).where(source_item.c.superseded_at.is_(None))).one()
        assert (row.id, row.version, row.processed_at) == (first, 3, None)
        assert session.execute(select(func.count()).select_from(source_item)).scalar_one() == 2


def test_a_pages_rows_have_ids_in_its_order(bench: Bench, scope: LandingScope) -> None:
    """Version 7, and rising within the page and from page to page, so that inserts stay at the index's right edge."""
    for page in (range(300), range(300, 400)):
        lands(bench, scope, *(change(f"{number:03}", 1, "x") for number in page))
    with bench.database.worker.organisation(scope.org_id) as session:
        ids: list[UUID] = list(
            session.execute(select(source_item.c.id).order_by(source_item.c.provider_id)).scalars()
        )
    assert len(ids) == 400
    assert {one.version for one in ids} == {7}
    assert ids == sorted(ids)


def test_what_is_unchanged_writes_nothing(bench: Bench, scope: LandingScope) -> None:
    """The rows keep their transaction ids: there is nothing to vacuum after a re-read."""
    page = [change(str(number), 1, "x") for number in range(50)]
    lands(bench, scope, *page)
    written = select(text("xmin::text")).select_from(source_item).order_by(source_item.c.provider_id)
    with bench.database.worker.organisation(scope.org_id) as session:
        before = session.execute(written).all()
    assert lands(bench, scope, *page) == LandingResult(unchanged=50)
    with bench.database.worker.organisation(scope.org_id) as session:
        assert session.execute(written).all() == before


def test_a_change_of_readers_takes_effect_without_a_change_of_content(
    bench: Bench, scope: LandingScope
) -> None:
    """The item moves to its new audience at once, and says so: what was derived from it has to follow."""
    lands(bench, scope, change("a", 1, "x"), change("b", 1, "x"))
    with bench.database.worker.organisation(scope.org_id) as session:
        narrow = bench.tenant.principal.audiences[1]
        landed = land(session, scope, [change("a", 1, "x")], landing.Attachments(audiences={"a": narrow}))
        row = session.execute(select(source_item).where(source_item.c.provider_id == "a")).one()
    assert row.audience_id == narrow
    assert landed == LandingResult(unchanged=1, other_readers=1)


def test_the_join_goes_by_index_without_statistics(bench: Bench, scope: LandingScope) -> None:
    """A table that has just begun to grow has none, and a plan that scans it once a row would cost seconds a page."""
    with explained(bench, scope) as plan:
        assert "Index Scan using uq_source_item_current" in plan
        assert "Seq Scan on source_item" not in plan
        assert "Materialize" not in plan


@contextlib.contextmanager
def explained(bench: Bench, scope: LandingScope) -> Iterator[str]:
    names = {
        "org": scope.org_id,
        "connection": scope.connection_id,
        "stream": scope.stream,
        "audience": scope.audience_id,
        "window": scope.window,
    }
    with bench.database.worker.organisation(scope.org_id) as session:
        driver: psycopg.Connection[Any] = landing.driver_of(session)
        driver.execute(landing._PREPARE)
        yield "\n".join(row[0] for row in driver.execute("EXPLAIN " + landing._COMPARE, names).fetchall())
