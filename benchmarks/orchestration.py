"""What Dagster adds to a backfill: the product's run over 24 windows, beside plain code that does the same work.

CPU-seconds of the whole process, interpreter and imports included, and of the database server, where Dagster keeps
its events. The run is the product's own: one for all windows, in turns, each window told to each asset. What it adds is
a few seconds a run and little a window, so that fewer items show a larger share; the target holds for 5,000 a window.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import text

from benchmarks.servers import Bench, own_seconds, server_seconds, started
from drovi.platform import environment_for, prepare_dagster
from drovi_assets.automation import Done, derive_pending, read_history
from drovi_assets.pipeline.runtime import open_runtime
from resources.secrets import SecretBox
from resources.settings import Settings

TARGET = 10.0
WINDOWS = 24
ITEMS = 5_000
_TABLE = """
CREATE TABLE {name} (id bigint PRIMARY KEY, note text, updated_at timestamptz NOT NULL);
INSERT INTO {name} SELECT w * {items} + n, 'Paul will send the figures of file ' || n || ' to the client by 3 April 2027.',
    date_trunc('month', now()) - w * interval '1 month' + n * interval '1 second'
FROM generate_series(1, {windows}) w, generate_series(1, {items}) n;
"""


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """One row for ``python -m benchmarks orchestration``, with ``n`` items in each window."""
    items = n or ITEMS
    with started() as bench:
        settings = Settings(home=bench.home)
        urls = bench.server.urls()
        prepare_dagster(settings, urls)
        environment = environment_for(settings, urls)
        with psycopg.connect(bench.server.url("postgres", "superuser"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE origin")
        with psycopg.connect(bench.server.url("origin", "superuser"), autocommit=True) as origin:
            for name in ("warm", "run", "plain"):
                count = 10 if name == "warm" else items
                origin.execute(_TABLE.format(name=name, items=count, windows=WINDOWS))
        _measured(bench, environment, _plain_of(_connect(bench, settings, "warm")))  # bytecode is compiled
        theirs = _measured(bench, environment, _plain_of(_connect(bench, settings, "plain")))
        ours = _measured(bench, environment, _run_of(_connect(bench, settings, "run")))
        if _derived(bench) != 2 * items * WINDOWS + 10 * WINDOWS:
            raise RuntimeError(f"{_derived(bench)} items were derived")
    overhead = 100 * (ours - theirs) / theirs
    yield {
        "name": "orchestration/target",
        "ours": round(overhead, 2),
        "peer": TARGET,
        "ratio": round(TARGET / max(overhead, 0.01), 2),
        "unit": "% of CPU-seconds added",
        "n": items * WINDOWS,
        "run_seconds": round(ours, 1),
        "plain_seconds": round(theirs, 1),
    }


def _plain_of(connection_id: UUID) -> Sequence[str]:
    return ["-m", "benchmarks.orchestration", str(connection_id)]


def _run_of(connection_id: UUID) -> Sequence[str]:
    config = {"ops": {"work_in_turns": {"config": {"connection_id": str(connection_id)}}}}
    of_job = ("-m", "drovi.definitions", "-j", "bring_up_to_date", "--config-json", json.dumps(config))
    return ["-m", "dagster", "job", "execute", *of_job]


def _measured(bench: Bench, environment: Mapping[str, str], arguments: Sequence[str]) -> float:
    before = own_seconds() + server_seconds(bench.server)
    log = bench.home / "run.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, stdout=output, stderr=output, check=False
        )
    if done.returncode:
        raise RuntimeError(log.read_text("utf-8", errors="replace")[-2000:])
    return own_seconds() + server_seconds(bench.server) - before


def _connect(bench: Bench, settings: Settings, table: str) -> UUID:
    config = {"table": table, "key": ["id"], "updated_at": "updated_at", "text": ["note"]}
    return bench.connect_origin(config, SecretBox(settings.master_keys))


def _derived(bench: Bench) -> int:
    with bench.database.organisation(bench.org_id) as session:
        return int(session.execute(text("SELECT count(*) FROM chunk_index")).scalar_one())


def _work(connection_id: UUID) -> None:
    """What the run does, without Dagster."""
    settings = Settings.load()
    with open_runtime(settings, settings.external_database_urls()) as runtime:
        with runtime.database.dispatch() as session:
            query = text("SELECT org_id FROM connection WHERE id = :id")
            org_id = session.execute(query, {"id": connection_id}).scalar_one()
        done = Done()
        read_history(runtime, org_id, connection_id, done, budget=inf)
        derive_pending(runtime, org_id, connection_id, done, budget=inf)


if __name__ == "__main__":
    _work(UUID(sys.argv[1]))
