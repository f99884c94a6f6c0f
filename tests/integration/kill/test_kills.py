"""kill -9 of workers, ticks, the daemon and Postgres, at random, in backfills and live traffic: nothing is lost.

``DROVI_KILLS`` is how many. From 60 on it is the full proof, with the product's own lease and pauses as they are in
life; 204 kills take forty minutes. ``DROVI_KILL_SEED`` replays the order of an earlier run, which printed it.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from resources.embedded_postgres import EmbeddedPostgres, connect_or_start
from tests.conftest import REPOSITORY
from tests.integration.kill.fire import Figures, Fire
from tests.integration.kill.judging import judge
from tests.integration.kill.pages import between
from tests.integration.kill.sources import Folder, Table
from tests.platforms import Up

KILLS = int(os.environ.get("DROVI_KILLS", "6"))
SEED = int(os.environ.get("DROVI_KILL_SEED", "0")) or random.randrange(1, 2**31)
FULL = KILLS >= 60

HISTORY = 240 if FULL else 100
KILLS_A_HISTORY = 18
"""Then another folder and another table are connected, so that there is always a backfill to kill."""
PAUSE = (1.0, 6.0) if FULL else (0.5, 2.5)
LEASE_SECONDS = None if FULL else 6
VICTIM_SECONDS = 20.0 if FULL else 8.0
PATIENCE_SECONDS = 120.0
"""Without anything coming nearer to its end: two take-overs."""
TAKE_OVER, DEAD, OUTAGE = 60.0, 180.0, 30.0
PASSWORD = "reads"

pytestmark = pytest.mark.timeout(900 + KILLS * 30)


@pytest.fixture(scope="module")
def origin(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The address of a database to read from, on a server that nobody kills."""
    with psycopg.connect(postgres.url("postgres", "superuser"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE kill_origin")
        admin.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
        yield postgres.url("kill_origin", "superuser")
        admin.execute("DROP DATABASE kill_origin WITH (FORCE)")
        admin.execute("DROP ROLE reader")


@pytest.fixture(scope="module")
def fire() -> Iterator[Fire]:
    """A platform of the module's own, watched."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drovi-kill-")))
        folder.chmod(0o755)  # embedded Postgres runs as a user of its own
        (home := folder / "home").mkdir()
        book = folder / "pages"
        book.touch()
        # The code server and its workers import the definitions of these tests.
        environment = {"DROVI_KILL_PAGES": str(book), "PYTHONPATH": str(REPOSITORY)}
        if LEASE_SECONDS is not None:
            environment["DROVI_KILL_LEASE_SECONDS"] = str(LEASE_SECONDS)
        up = Up(home, ("-m", "tests.integration.kill.up"), environment)
        up.start()
        stack.callback(up.stop)
        fire = Fire(up, stack.enter_context(connect_or_start(home)), book, SEED, VICTIM_SECONDS)
        fire.start()
        stack.callback(fire.end)
        yield fire


def test_killed_at_random_it_loses_and_doubles_nothing(fire: Fire, origin: str, tmp_path: Path) -> None:
    """Against the sources' own ledgers; and whoever is killed, another takes over in time."""
    print(f"DROVI_KILLS={KILLS} DROVI_KILL_SEED={SEED}")
    with ExitStack() as tables:
        for begin in range(0, KILLS, KILLS_A_HISTORY):
            table = tables.enter_context(closing(Table(f"table_{begin}", origin, PASSWORD)))
            fire.connect(Folder(tmp_path / f"folder_{begin}"), HISTORY)
            fire.connect(table, HISTORY)
            fire.bombard(min(KILLS_A_HISTORY, KILLS - begin), PAUSE)
        verdicts = fire.settle(PATIENCE_SECONDS)
        figures = fire.figures(verdicts)
    print(figures)
    assert all(one.shape and min(one.shape) > 0 for one in verdicts), (
        "every item has a document, a chunk, an object and its evidence"
    )
    assert sum(figures.kills.values()) >= KILLS
    assert_unharmed(figures)


def assert_unharmed(figures: Figures) -> None:
    """What the platform promises."""
    assert (figures.lost, figures.doubled, figures.miscounted) == (0, 0, 0), figures
    assert figures.most_read_again <= 1, figures
    assert figures.read_again_unasked == 0, figures
    assert figures.taken_over, figures
    assert figures.take_over <= TAKE_OVER, figures
    assert figures.longest_dead <= DEAD, figures
    assert figures.outage <= OUTAGE, figures


def test_a_source_that_saves_its_position_before_its_rows_is_caught(fire: Fire, tmp_path: Path) -> None:
    """The same judge, the same kill: the rows of a page whose position was saved alone never come."""
    source = Folder(tmp_path / "careless", "careless")
    source.fill(60)
    # Not through the API, which knows no such source: beside a folder, seen by whoever sees that.
    ((source.connection_id,),) = fire.watch.query(
        "INSERT INTO connection (org_id, owner_id, connector, name, audience_id, config)"
        " SELECT org_id, owner_id, 'careless', %s, audience_id, %s::jsonb FROM connection"
        " WHERE connector = 'documents' LIMIT 1 RETURNING id::text",
        [source.name, f'{{"path": "{tmp_path / "careless"}"}}'],
    )
    fire.kill_writer(between(fire.book))
    fire.wait_until_derived(source, 3 * PATIENCE_SECONDS)
    verdict = judge(fire.watch.query, source)
    assert (verdict.lost > 0, verdict.doubled) == (True, 0), verdict
