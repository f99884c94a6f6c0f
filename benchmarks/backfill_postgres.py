"""A table of another database becomes source items, beside dlt copying the same table into Postgres.

Rows per CPU-second, of everything that works for it: this process and its children, and the whole
database server, which is source and destination for both (client-only figures stand beside).
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.servers import Bench, own_seconds, server_seconds, started
from drovi_assets.connectors import runner
from drovi_assets.connectors.runtime import Runtime
from resources.master_keys import MasterKeys
from resources.object_store import FolderStore
from resources.secret_file import SecretFile
from resources.secrets import SecretBox

ROWS = 1_000_000
_TABLE = """
CREATE TABLE {name} (id bigint PRIMARY KEY, client text, subject text, amount numeric(12, 2), paid boolean,
    updated_at timestamptz NOT NULL);
INSERT INTO {name} SELECT n, 'Client ' || n % 977, 'Invoice number ' || n || ' of the Morel matter', n * 0.37, n % 3 = 0,
    timestamptz '2024-01-01' + n * interval '70 seconds' FROM generate_series(1, {rows}) n;
CREATE INDEX ON {name} (updated_at, id);
"""


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """The whole table, and a tenth of it: the rate must not fall with size."""
    rows = n or ROWS
    with started() as bench:
        with psycopg.connect(bench.server.url("postgres", "superuser"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE origin")
            admin.execute("CREATE DATABASE copied")
        for name, count in (("tenth", rows // 10), ("whole", rows)):
            with psycopg.connect(bench.server.url("origin", "superuser"), autocommit=True) as origin:
                origin.execute(_TABLE.format(name=name, rows=count))
                # Else autovacuum does it, on the bill of whoever is measured then.
                origin.execute(f"VACUUM (FREEZE, ANALYZE) {name}")
        tenth = _measured(bench, lambda: _ours(bench, "tenth"), rows // 10)
        whole = _measured(bench, lambda: _ours(bench, "whole"), rows)
        theirs = _measured(bench, lambda: _dlt(bench, "whole"), rows)
        for label, unit in (
            ("all", "rows/CPU-s, client and server"),
            ("client", "rows/CPU-s, client"),
            ("wall", "rows/s"),
        ):
            name = "backfill_postgres/dlt" if label == "all" else f"backfill_postgres/dlt_{label}"
            yield _row(name, whole[label], theirs[label], unit, rows)
        yield _row("backfill_postgres/itself_at_a_tenth", whole["all"], tenth["all"], "rows/CPU-s", rows)


def _measured(bench: Bench, work: Callable[[], int], rows: int) -> dict[str, float]:
    client, server, wall = own_seconds(), server_seconds(bench.server), time.perf_counter()
    landed = work()
    if landed != rows:
        raise RuntimeError(f"{landed} of {rows} rows arrived")
    client, server = own_seconds() - client, server_seconds(bench.server) - server
    wall = time.perf_counter() - wall
    return {"all": rows / (client + server), "client": rows / client, "wall": rows / wall}


def _ours(bench: Bench, table: str) -> int:
    secrets = SecretBox(MasterKeys(SecretFile(bench.home)))
    connection_id = bench.connect_origin({"table": table, "key": ["id"], "updated_at": "updated_at"}, secrets)
    runtime = Runtime(
        bench.database,
        FolderStore(bench.home / "objects"),
        secrets,
        forget=lambda _session, _org_id, _documents: None,
        follow=lambda _session, _org_id, _documents: None,
    )
    return runner.backfill(runtime, connection_id).landed.new


def _dlt(bench: Bench, table: str) -> int:
    """Dlt's ``sql_table`` into its Postgres destination, with its default settings."""
    with _quiet(bench.home):
        import dlt
        from dlt.sources.sql_database import sql_table

        pipeline = dlt.pipeline(
            pipeline_name="bench",
            pipelines_dir=str(bench.home / "dlt"),
            destination=dlt.destinations.postgres(bench.server.url("copied", "superuser")),
            dataset_name="copied",
        )
        source = bench.server.url("origin", "superuser").replace("postgresql://", "postgresql+psycopg://")
        pipeline.run(sql_table(credentials=source, table=table, schema="public"))
    with psycopg.connect(bench.server.url("copied", "superuser")) as copied:
        row = copied.execute(f"SELECT count(*) FROM copied.{table}").fetchone()
    return int(row[0]) if row else 0


@contextlib.contextmanager
def _quiet(home: Path) -> Iterator[None]:
    """No telemetry, nothing of its configuration from outside, no progress on our standard output."""
    os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", DLT_DATA_DIR=str(home / "dlt"), DO_NOT_TRACK="1")
    logging.getLogger("dlt").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def _row(name: str, ours: float, peer: float, unit: str, count: int) -> dict[str, Any]:
    return {
        "name": name,
        "ours": round(ours),
        "peer": round(peer),
        "ratio": round(ours / peer, 3),
        "unit": unit,
        "n": count,
    }
