"""Freshness: from a file dropped into a connected folder to the search that finds it, on a platform of its own.

No product to compare with does the same on one machine, so the peer is the target: ten seconds (p95) on an idle
platform, thirty while it reads the history of another folder. Files are dropped at random moments, so that the
daemon's five-second loop is met at every phase; the search is the product's own, under a caller's audiences.
"""

from __future__ import annotations

import random
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select

from drovi.platform import Platform, running
from drovi_assets.connectors.connections import ensure_folder
from drovi_assets.retrieval.search import search
from resources.database import AppDatabase, WorkerDatabase
from resources.errors import Transient
from resources.organisations import sole_owner
from resources.schema import source_item
from resources.schema.content import EMBEDDING_DIMENSIONS
from resources.secrets import SecretBox
from resources.settings import Settings
from resources.tenancy import Principal

IDLE_TARGET, BUSY_TARGET = 10.0, 30.0
_MEAN_PAUSE_SECONDS = 3.0
_GIVE_UP_SECONDS = 120.0
_POLL_SECONDS = 0.1
_HISTORY_FILES = 3000


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """Rows for ``python -m benchmarks freshness``; ``n`` files are dropped in each of the two measurements."""
    count = n or 20
    with tempfile.TemporaryDirectory(prefix="drovi-freshness-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # embedded Postgres runs as a user of its own
        with running(settings_in(root / "home")) as platform, Caller(platform) as caller:
            inbox = root / "inbox"
            caller.connect(inbox)
            drop_and_find(platform, caller, inbox, ["warm"])  # models load with the first document
            yield _row("idle", IDLE_TARGET, drop_and_find(platform, caller, inbox, _names("idle", count)))
            history = root / "history"
            _write_history(history, _HISTORY_FILES)
            connection_id = caller.connect(history)
            caller.wait_for_items(platform, connection_id)
            times = drop_and_find(platform, caller, inbox, _names("busy", count))
            if not caller.pending(connection_id):
                raise Transient(
                    "The backfill ended before the measurement.", remedy="Measure with fewer files."
                )
            yield _row("backfill", BUSY_TARGET, times)


class Caller:
    """The organisation's owner, with what finding a file takes."""

    def __init__(self, platform: Platform) -> None:
        self._settings = platform.settings
        self._app = AppDatabase(platform.urls.app, application_name="drovi-benchmark")
        self._worker = WorkerDatabase(platform.urls.worker, application_name="drovi-benchmark")
        self._principal: Principal = sole_owner(self._worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._app.close()
        self._worker.close()

    def connect(self, folder: Path) -> UUID:
        """Link a folder, as a person would."""
        folder.mkdir(exist_ok=True)
        with self._app.acting_as(self._principal) as session:
            return ensure_folder(
                session, self._principal, SecretBox(self._settings.master_keys), folder, private=False
            )

    def finds(self, word: str) -> bool:
        """Whether a search for the word has a result that says it."""
        with self._app.acting_as(self._principal) as session:
            hits = search(session, self._principal.org_id, word, embedder=_Wordless(), limit=3)
        return any(word in hit.text for hit in hits)

    def pending(self, connection_id: UUID) -> int:
        """Items of the connection that nothing was derived from yet."""
        with self._worker.organisation(self._principal.org_id) as connection:
            waiting = (source_item.c.connection_id == connection_id) & source_item.c.processed_at.is_(None)
            return int(connection.execute(select(func.count()).where(waiting)).scalar_one())

    def wait_for_items(self, platform: Platform, connection_id: UUID) -> None:
        """Until the connection's history has begun to land."""
        deadline = time.monotonic() + _GIVE_UP_SECONDS
        while not self.pending(connection_id):
            if time.monotonic() > deadline:
                raise Transient("The backfill did not begin.")
            platform.tend()
            time.sleep(_POLL_SECONDS)


def settings_in(home: Path) -> Settings:
    """Settings of a platform that meets no other: a folder and ports of its own."""
    with _free_ports(4) as (api, dagster, code_server, metrics):
        return Settings(
            home=home,
            api_port=api,
            dagster_port=dagster,
            code_server_port=code_server,
            metrics_port=metrics,
        )


def drop_and_find(platform: Platform, caller: Caller, inbox: Path, words: list[str]) -> list[float]:
    """Drop a file for each word at random moments; seconds from the drop to the first search that finds each.

    Raises:
        Transient: one was not found in two minutes.
    """
    random_pauses = random.Random(len(words))
    waiting: dict[str, float] = {}
    times: list[float] = []
    left = list(words)
    next_drop = time.monotonic()
    while left or waiting:
        now = time.monotonic()
        if left and now >= next_drop:
            word = left.pop(0)
            _drop(inbox, word)
            waiting[word] = time.monotonic()
            next_drop = now + random_pauses.uniform(0, 2 * _MEAN_PAUSE_SECONDS)
        for word, dropped in list(waiting.items()):
            if caller.finds(word):
                times.append(time.monotonic() - dropped)
                del waiting[word]
            elif time.monotonic() - dropped > _GIVE_UP_SECONDS:
                raise Transient(f"{word} was not found.", remedy=f"See {platform.addresses.logs}.")
        platform.tend()
        time.sleep(_POLL_SECONDS)
    return times


class _Wordless:
    """An embedder without a model: the word searched for is in one file alone, and its vector says nothing."""

    model_id = "none"

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The same unit vector for every text."""
        vectors = np.zeros((len(texts), EMBEDDING_DIMENSIONS), dtype=np.float32)
        vectors[:, 0] = 1.0
        return vectors


def _drop(inbox: Path, word: str) -> None:
    # Written aside and renamed, as a careful program does; half a file would be read as one.
    aside = inbox / f".{word}.txt"
    aside.write_text(
        f"Minutes of the {word} meeting.\n\nWe agreed that Nora sends the {word} draft by 12 March 2026.\n",
        encoding="utf-8",
    )
    aside.rename(inbox / f"{word}.txt")


def _write_history(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        (folder / f"note-{number:05d}.md").write_text(
            f"# Note {number}\n\nThe board decided on item {number} to keep the present auditor.\n\n"
            f"Paul will send the figures of file {number} to the client by the end of the month.\n" * 3,
            encoding="utf-8",
        )


def _names(kind: str, count: int) -> list[str]:
    return [f"zeugma{kind}{number:03d}" for number in range(count)]


def _row(name: str, target: float, times: list[float]) -> dict[str, Any]:
    p50, p95 = np.percentile(times, [50, 95])
    return {
        "name": f"freshness/target_{name}",
        "ours": round(float(p95), 2),
        "peer": target,
        "ratio": round(target / float(p95), 2),
        "unit": "s_p95",
        "n": len(times),
        "p50": round(float(p50), 2),
    }


@contextmanager
def _free_ports(count: int) -> Iterator[list[int]]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        yield [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            with suppress(OSError):
                probe.close()
