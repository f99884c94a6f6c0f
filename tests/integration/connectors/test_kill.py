"""``kill -9`` of a reading worker, many times over: nothing lost, nothing doubled, and the turn is taken over."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import replace

from sqlalchemy import func, select

from drovi_assets.connectors import runner
from drovi_assets.connectors.runtime import Runtime
from resources.database import WorkerDatabase
from resources.errors import Conflict
from resources.schema import source_item, stream_cursor
from tests.fakes.hostile_source import THINGS, HostileSource
from tests.integration.connectors.conftest import Bench

KILLS = 25
ITEMS = 2_500
LEASE_SECONDS = 0.3


def test_killed_workers_lose_and_double_nothing(bench: Bench) -> None:
    """Each is killed up to 30 ms after its first committed page; the source's own ledger is the judge."""
    source, chance = HostileSource(page=5, repeat=0.3), random.Random(11)
    for number in range(ITEMS):
        source.put(f"thing-{number}", str(number))
    runtime = bench.with_connector(source.spec(), lease_seconds=LEASE_SECONDS, sleep=time.sleep)
    connection_id = bench.connect("hostile", {})
    _patiently(lambda: runner.start_over(runtime, connection_id, THINGS))

    for _ in range(KILLS):
        committed, told = os.pipe()
        worker = os.fork()
        if worker == 0:
            source.after_page = lambda told=told: os.write(told, b".")
            _work(bench, runtime, connection_id)
        os.close(told)
        os.read(committed, 1)
        time.sleep(chance.uniform(0, 0.03))
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        os.close(committed)

    report = _patiently(lambda: runner.sync(replace(runtime, lease_seconds=60), connection_id))
    assert report.complete
    assert 0 < report.landed.new <= ITEMS - KILLS * source.page, (
        "the kills must hit workers that were at work"
    )
    found = {one: payload["value"] for one, payload in bench.current(connection_id).items()}
    assert found == source.truth
    with bench.database.worker.organisation(bench.org_id) as session:
        rows = session.execute(select(func.count()).select_from(source_item)).scalar_one()
        counted = session.execute(select(func.sum(stream_cursor.c["items"]))).scalar_one()
    assert (rows, counted) == (ITEMS, ITEMS)


def _work(bench: Bench, runtime: Runtime, connection_id: object) -> None:
    """In the child: read until killed, on a connection of its own; never return to the test."""
    try:
        own = replace(runtime, database=WorkerDatabase(bench.database.urls.worker))
        _patiently(lambda: runner.sync(own, connection_id))  # type: ignore[arg-type] - a UUID
    finally:
        os._exit(0)


def _patiently(call):
    """As the schedule does: a turn that is taken is asked for again."""
    while True:
        try:
            return call()
        except Conflict:
            time.sleep(0.01)
