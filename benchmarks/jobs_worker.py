"""A worker of ``benchmarks.jobs``, in a process of its own that can be killed: ours in ticks, or procrastinate's.

Prints how many jobs it did a second, measured from its first claim, so that neither side pays for its imports. As
``paced`` it is ours with the daemon's pause after each tick, and does not end by itself.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import procrastinate
import psycopg

from drovi_assets.chores.contract import Step, Task
from drovi_assets.chores.work import work
from drovi_assets.deadline import Budget
from drovi_assets.pipeline.runtime import Runtime
from resources.database import WorkerDatabase
from resources.telemetry import configure_logging

TICK_SECONDS = 10.0
PAUSE_SECONDS = 5.0
CALL_SECONDS = 0.025
NOOP, MARK, CALL = "bench_noop", "bench_mark", "bench_call"
MARKED = "CREATE TABLE bench_done (side text NOT NULL, job text NOT NULL)"
_MARK = "INSERT INTO bench_done VALUES (%s, %s)"


def app_of(url: str) -> tuple[procrastinate.App, dict[str, Any]]:
    """Procrastinate's application on that database, and its tasks by name."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

    @app.task(name=NOOP)
    async def noop() -> None:
        """Nothing."""

    @app.task(name=MARK, pass_context=True)
    async def mark(context: Any) -> None:
        await context.app.connector.execute_query_async(
            "INSERT INTO bench_done VALUES ('peer', %(job)s)", job=str(context.job.id)
        )

    return app, {NOOP: noop, MARK: mark}


def ours(url: str) -> int:
    """Tick after tick, until nothing is due."""
    database = WorkerDatabase(url)
    runtime = cast("Runtime", SimpleNamespace(database=database))
    done = 0
    try:
        with psycopg.connect(url, autocommit=True) as marks:

            def mark(_runtime: Runtime, task: Task, _deadline: Any) -> Step:
                marks.execute(_MARK, ("ours", str(task.id)))
                return Step({}, finished=True)

            chores = {NOOP: lambda *_: Step({}, finished=True), MARK: mark}
            while worked := work(runtime, Budget.of(TICK_SECONDS), chores):
                done += worked
    finally:
        database.close()
    return done


def paced(url: str) -> int:
    """Ticks as the sensor has them, for ever; a job waits for somebody else for ``CALL_SECONDS``."""
    runtime = cast("Runtime", SimpleNamespace(database=WorkerDatabase(url)))

    def call(*_: Any) -> Step:
        time.sleep(CALL_SECONDS)
        return Step({}, finished=True)

    while True:
        work(runtime, Budget.of(TICK_SECONDS), {CALL: call})
        time.sleep(PAUSE_SECONDS)


def peer(url: str, concurrency: int) -> int:
    """Procrastinate's own worker, until nothing is left."""
    app, _ = app_of(url)

    async def run() -> None:
        async with app.open_async():
            await app.run_worker_async(
                wait=False, concurrency=concurrency, listen_notify=False, install_signal_handlers=False
            )

    asyncio.run(run())
    return 0


def main(side: str, url: str) -> None:
    """``ours``, ``paced``, or ``peer1`` and so on with that concurrency."""
    configure_logging(service="bench", stream=sys.stderr, level="ERROR")
    own: dict[str, Callable[[str], int]] = {"ours": ours, "paced": paced}
    run: Callable[[], int] = (lambda: own[side](url)) if side in own else (lambda: peer(url, int(side[4:])))
    began = time.perf_counter()
    run()
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
