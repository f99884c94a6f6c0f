"""Whatever happens in whatever order, what is stored is what must be: sync as a state machine against a model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Connection

from drovi_assets.connectors import committing, leases, runner
from drovi_assets.connectors.committing import save_cursor
from drovi_assets.connectors.contract import Change
from drovi_assets.connectors.landing import LandingResult, LandingScope, land
from resources.embedded_postgres import EmbeddedPostgres
from tests.integration.connectors.conftest import Bench
from tests.integration.connectors.sync_machine import STEPS, SyncMachine

SEQUENCES = int(os.environ.get("DROVI_SYNC_SEQUENCES", "40"))
SEED = int(os.environ.get("DROVI_SYNC_SEED", "1"))
MUTANT_SEQUENCES = 400

Run = Callable[..., None]


@pytest.fixture
def run(bench: Bench, postgres: EmbeddedPostgres) -> Iterator[Run]:
    """The machine on this test's database, which need not survive a power cut."""
    with psycopg.connect(bench.database.urls.owner, autocommit=True) as owner:
        name = owner.info.dbname
        owner.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    with psycopg.connect(postgres.url(name, "superuser"), autocommit=True) as watch:

        def sequences(number: int, phases: Sequence[Phase] = (Phase.generate, Phase.shrink)) -> None:
            machine = seed(SEED)(type("Sync", (SyncMachine,), {"bench": bench, "watch": watch}))
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=number,
                    phases=phases,
                    stateful_step_count=STEPS,
                    deadline=None,
                    database=None,
                    report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck),
                ),
                _min_steps=STEPS - 1,
            )

        yield sequences


@pytest.mark.timeout(6 * 3600)
def test_no_sequence_diverges(run: Run) -> None:
    """``DROVI_SYNC_SEQUENCES`` sequences of 30 steps (a few here, 5,000 by hand), the same for each ``DROVI_SYNC_SEED``."""
    run(SEQUENCES)


def _cursor_first(*arguments: Any) -> committing.Committed:
    """The cursor is durable before the rows are."""
    runtime, lease, source, reading, page = arguments
    with runtime.database.organisation(source.org_id) as connection:
        lease.renew(connection)
        save_cursor(connection, source, reading.stream, reading.scope, page.cursor, complete=page.complete)
    return committing.commit_page(runtime, lease, source, reading, page)


def _arrival_order() -> Callable[..., LandingResult]:
    """What comes last wins, whatever its version."""
    arrivals = count(1_000_000)

    def landed(
        connection: Connection, scope: LandingScope, changes: Sequence[Change], *attached: Any
    ) -> LandingResult:
        return land(
            connection, scope, [replace(change, version=next(arrivals)) for change in changes], *attached
        )

    return landed


MUTANTS = {
    "the cursor before the rows": (runner, "commit_page", lambda: _cursor_first),
    "the order of arrival": (committing, "land", _arrival_order),
    "turns without a fence": (leases.Lease, "renew", lambda: lambda _lease, _connection: None),
    "deletions passed over": (committing.deletions, "bury", lambda: lambda *_arguments, **_options: 0),
    "readers passed over": (committing, "_audiences", lambda: lambda *_arguments: {}),
    "lost positions without a sweep": (runner.sweeping, "make_due", lambda: lambda *_arguments: None),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_machine_catches_a_naive_runner(run: Run, monkeypatch: pytest.MonkeyPatch, mutant: str) -> None:
    """Each is a runner that somebody might write, and that passes where nothing goes wrong."""
    room, name, make = MUTANTS[mutant]
    monkeypatch.setattr(room, name, make())
    with pytest.raises(AssertionError):
        run(MUTANT_SEQUENCES, [Phase.generate])
