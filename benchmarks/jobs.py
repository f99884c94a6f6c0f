"""Jobs: no-op jobs a second beside procrastinate, in the same run and database; and what a killed worker costs both.

Ours are chores, worked off in ticks. Procrastinate runs with one job at a time and with ten, and its better figure counts.
The recovery kills a worker with SIGKILL in the middle and has the next one go on: how long it takes until every job is
done, and how often any was done (a job that a worker had begun may be done once more, by either).

Beside a flood there is no peer: how long (p95) an organisation's jobs take from the asking to the end, in ticks with the
daemon's pauses, while another has ten times as many waiting as the rates were measured with; and, as ``peer``, while it
has none.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import text

from benchmarks.jobs_worker import CALL, MARK, MARKED, NOOP, app_of
from benchmarks.servers import Bench, started
from drovi_assets.chores.work import AT_ONCE
from resources import job_rows
from resources.organisations import ensure_organisation

JOBS = 1000
ASKED = 100
"""By the organisation that does not flood."""
CONCURRENCIES = (1, 10)
ROUNDS = 3
STALLED_SECONDS = 30
"""After how long without a sign procrastinate counts a worker as dead, as it comes."""
_GIVE_UP_SECONDS = 180.0
_ASK = text(
    "INSERT INTO job (org_id, kind, idempotency_key) SELECT :org_id, :kind, gen_random_uuid()::text"
    " FROM generate_series(1, :n)"
)


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """Rates, and then the recovery of a tenth as many."""
    count = n or JOBS
    with started() as bench:
        app = _peer_in_place(bench)
        ours, peer = 0.0, 0.0
        for _ in range(ROUNDS):  # in turns: what else the machine does meets both
            _ask_ours(bench, NOOP, count)
            ours = max(ours, count / _worked(bench, "ours"))
            for concurrency in CONCURRENCIES:
                _ask_peer(app, NOOP, count)
                peer = max(peer, count / _worked(bench, f"peer{concurrency}"))
        yield _row("jobs/noop", ours, peer, "jobs/s", count)
        marks = max(200, count // 10)
        _ask_ours(bench, MARK, marks)
        ours = _recovered(bench, "ours", marks, lambda: _requeue_ours(bench))
        _ask_peer(app, MARK, marks)
        peer = _recovered(bench, "peer1", marks, lambda: _requeue_peer(bench.server.urls().worker))
        yield _row("jobs/taken_over", ours, peer, "s", marks)
        quiet = ensure_organisation(bench.database, "Quiet", "quiet@bench.example", "Quiet").org_id
        with _paced(bench):
            alone = _waited(bench, quiet)
            _ask_ours(bench, CALL, count * 10)
            yield _row("jobs/beside_a_flood", _waited(bench, quiet), alone, "s_p95", count * 10)


def _row(name: str, ours: float, peer: float, unit: str, n: int) -> dict[str, Any]:
    ratio = ours / peer if unit == "jobs/s" else peer / ours
    rounded = {"ours": round(ours, 2), "peer": round(peer, 2), "ratio": round(ratio, 3)}
    return {"name": name, **rounded, "unit": unit, "n": n}


def _peer_in_place(bench: Bench) -> Any:
    """Procrastinate's tables beside ours, under the role that both workers log in as."""
    with psycopg.connect(bench.server.url(role="superuser"), autocommit=True) as administrator:
        administrator.execute("GRANT CREATE ON SCHEMA public TO drovi_worker")
    app, _ = app_of(bench.server.urls().worker)
    app.open()
    app.schema_manager.apply_schema()
    with psycopg.connect(bench.server.urls().worker, autocommit=True) as connection:
        connection.execute(MARKED)
    return app


def _ask_ours(bench: Bench, kind: str, count: int) -> None:
    with bench.database.dispatch() as session:
        session.execute(_ASK, {"org_id": bench.org_id, "kind": kind, "n": count})


def _ask_peer(app: Any, kind: str, count: int) -> None:
    app.tasks[kind].batch_defer(*({} for _ in range(count)))


def _begun(bench: Bench, side: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.jobs_worker", side, bench.server.urls().worker],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )


def _worked(bench: Bench, side: str) -> float:
    """Seconds that a worker took for all there was."""
    worker = _begun(bench, side)
    said, _ = worker.communicate(timeout=_GIVE_UP_SECONDS)
    if worker.returncode:
        raise RuntimeError(f"the worker {side} failed")
    return float(said.split()[-1])


@contextmanager
def _paced(bench: Bench) -> Iterator[None]:
    worker = _begun(bench, "paced")
    try:
        yield
    finally:
        worker.kill()
        worker.wait()


def _waited(bench: Bench, org_id: UUID) -> float:
    """Ask for jobs at random moments, so that ticks and pauses are met at every phase; the p95 of their seconds to the end."""
    pauses = random.Random(ASKED)
    with psycopg.connect(bench.server.url("drovi", "superuser"), autocommit=True) as session:
        session.execute("DELETE FROM job WHERE org_id = %s", [org_id])
        for number in range(ASKED):
            session.execute(
                "INSERT INTO job (org_id, kind, idempotency_key) VALUES (%s, %s, %s)",
                [org_id, CALL, str(number)],
            )
            time.sleep(pauses.uniform(0, 1))
        began = time.monotonic()
        while time.monotonic() - began < _GIVE_UP_SECONDS:
            query = """
                SELECT count(finished_at), percentile_cont(0.95) WITHIN GROUP
                    (ORDER BY extract(epoch FROM finished_at - created_at)) FROM job WHERE org_id = %s
            """
            done, p95 = session.execute(query, [org_id]).fetchone() or (0, 0.0)
            if done == ASKED:
                return float(p95)
            time.sleep(0.5)
    raise RuntimeError(f"{ASKED - done} of {ASKED} jobs were never done")


def _recovered(bench: Bench, side: str, count: int, requeue: Any) -> float:
    """Seconds from the kill of a worker in the middle until every job is done; raises where one was done three times."""
    worker = _begun(bench, side)
    name = side.rstrip("0123456789")
    while len(_done(bench, name)) < count // 3:
        time.sleep(0.005)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    killed = time.monotonic()
    while len(done := _done(bench, name)) < count:
        if time.monotonic() - killed > _GIVE_UP_SECONDS:
            raise RuntimeError(f"{side}: {count - len(done)} of {count} jobs were never done")
        requeue()
        _worked(bench, side)
        time.sleep(1)
    if max(done.values()) > 2 or sum(times > 1 for times in done.values()) > _in_hand(side):
        raise RuntimeError(f"{side}: jobs were done more than once more")
    return time.monotonic() - killed


def _in_hand(side: str) -> int:
    """How many jobs a worker has in its hands at the moment that it is killed."""
    return AT_ONCE if side == "ours" else int(side[4:])


def _done(bench: Bench, name: str) -> dict[str, int]:
    with psycopg.connect(bench.server.urls().worker) as connection:
        query = "SELECT job, count(*) FROM bench_done WHERE side = %s GROUP BY job"
        return dict(connection.execute(query, (name,)).fetchall())


def _requeue_ours(bench: Bench) -> None:
    """As the reconcile sensor does."""
    with bench.database.dispatch() as session:
        job_rows.lost(session, [row.id for row in job_rows.silent(session)])


def _requeue_peer(url: str) -> None:
    """As procrastinate's documentation says, under "Retry stalled jobs"."""

    async def requeue() -> None:
        app, _ = app_of(url)
        async with app.open_async():
            for one in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
                await app.job_manager.retry_job(one)

    asyncio.run(requeue())
