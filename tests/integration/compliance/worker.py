"""A process that works chores, for the tests to kill: ``python -m … APP_URL WORKER_URL HOME``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import cast

from drovi_assets.chores import sources as chore
from drovi_assets.chores.work import work
from drovi_assets.documents.sandbox import Sandbox
from drovi_assets.pipeline.runtime import Runtime, sources_of
from resources.database import AppDatabase, WorkerDatabase
from resources.object_store import FolderStore
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from tests.fakes.embedder import FakeEmbedder


class _Slice:
    """Time for one chore, and in it for one batch."""

    def __init__(self) -> None:
        self._end = time.monotonic() + 0.05

    @property
    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())


def main(app_url: str, worker_url: str, home: str) -> None:
    database = WorkerDatabase(worker_url)
    objects = FolderStore(Path(home) / "objects")
    sources = sources_of(database, objects, SecretBox(SecretFile(Path(home))))
    nothing_is_parsed = cast("Sandbox", None)
    runtime = Runtime(database, objects, nothing_is_parsed, FakeEmbedder(), sources, AppDatabase(app_url))
    chore.BATCH = 2  # so that a kill finds the erasure in its middle
    print("ready", flush=True)
    while True:
        work(runtime, _Slice())


if __name__ == "__main__":
    main(*sys.argv[1:])
