"""A consumer as another machine has it: ``python -m … WORKER_URL HOME``, one process, until its input ends."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from drovi_assets.consumers import rounds
from drovi_assets.consumers.contract import Handled, Opened, Work
from drovi_assets.deadline import Budget
from resources.database import WorkerDatabase
from tests.integration.events.conftest import Counting, counting, runtime_on

BATCH_SECONDS = 0.02
"""So that several of them meet, and a kill finds one in its middle."""
_handled = Counting()


def handle(work: Work, events: Sequence[Opened]) -> Handled:
    """Its effects, and then as long as real work takes."""
    done = _handled(work, events)
    time.sleep(BATCH_SECONDS)
    return done


def main(worker_url: str, home: str) -> None:
    database = WorkerDatabase(worker_url)
    runtime = runtime_on(database, Path(home))
    consumer = counting(handle, batch=7)
    stopped = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
    print("ready", flush=True)
    handled = 0
    while not stopped.is_set():
        with database.dispatch() as connection:
            found = rounds.behind(connection, runtime.events, [consumer])
        handled += rounds.go_round(runtime, found, Budget.of(1.0)).handled
        time.sleep(0.01)
    database.close()
    print(handled, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
