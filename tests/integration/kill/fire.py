"""A platform under fire: sources with live traffic, kills by chance, and the figures at the end."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from resources.embedded_postgres import EmbeddedPostgres
from tests.integration.kill.judging import Verdict, judge, miscounted
from tests.integration.kill.pages import most_read_again, read_again
from tests.integration.kill.sources import Source
from tests.integration.kill.watching import WORKER, Kill, Watch
from tests.platforms import Up

KINDS = (WORKER, WORKER, WORKER, "tick", "daemon", "postmaster")
"""In every six kills, in an order by chance."""
_CONNECT_SECONDS = 90.0
_TRAFFIC_SECONDS = 0.6


@dataclass(frozen=True, slots=True)
class Figures:
    """What the kills did; times in seconds, the longest of each."""

    seed: int
    kills: dict[str, int]
    items: int
    lost: int
    doubled: int
    miscounted: int
    blamed: list[str]
    read_again: int
    most_read_again: int
    """Pages of one source that one kill had read again."""
    read_again_unasked: int
    """Pages that were read again without a kill."""
    taken_over: int
    take_over: float
    take_over_whole: float
    """From the first kill, where others fell into the take-over."""
    longest_dead: float
    """A run counted as started without a worker."""
    outage: float
    """Until Postgres answered a new session."""


class Fire:
    """One platform, its sources and what befalls them."""

    def __init__(self, up: Up, server: EmbeddedPostgres, book: Path, seed: int, patience: float) -> None:
        """``patience`` in seconds, with a process that is to be killed in the middle of a turn."""
        self.up, self.seed = up, seed
        self.watch = Watch(server)
        self.sources: list[Source] = []
        self.book, self._patience = book, patience
        self.dice = random.Random(seed)
        self._over = threading.Event()
        self._traffic = threading.Thread(target=self._make_traffic, name="traffic", daemon=True)

    def start(self) -> None:
        """Watch, and let people work."""
        self.watch.start()
        self._traffic.start()

    def connect(self, source: Source, history: int) -> None:
        """A source with that many items, connected as a person does, through whatever is down."""
        source.fill(history)
        deadline = time.monotonic() + _CONNECT_SECONDS
        while not self._known(source):
            assert time.monotonic() < deadline, f"{source.name} could not be connected\n{self.up.logs()}"
            self.up.ask("/api/v1/connections", source.request)
        self.sources.append(source)

    def bombard(self, kills: int, pause: tuple[float, float]) -> None:
        """Kill so many processes, with pauses between."""
        aim = len(self.watch.kills) + kills
        bag: list[str] = []
        while len(self.watch.kills) < aim:
            if not bag:
                bag = self.dice.sample(KINDS, len(KINDS))
            time.sleep(self.dice.uniform(*pause))
            self.kill(bag.pop())

    def kill(self, kind: str) -> bool:
        """Kill one process of that kind, where possible in the middle of a turn; false where none came."""
        deadline = time.monotonic() + self._patience
        patience = deadline - self._patience / 2  # then one that has no turn will do
        hesitation = self.dice.uniform(0, 0.4)
        while time.monotonic() < deadline:
            pids = self._pids(kind)
            at_work = [pid for pid in pids if self._held_by(pid)]
            if at_work or (pids and (kind not in {WORKER, "tick"} or time.monotonic() > patience)):
                time.sleep(hesitation)
                return self._shoot(kind, self.dice.choice(sorted(at_work or pids)))
            time.sleep(0.02)
        return False

    def kill_writer(self, note: Path) -> None:
        """Kill the worker or tick that wrote its pid in a file."""
        pid = self.up.wait_for(lambda: _number_in(note), _CONNECT_SECONDS, f"{note.name} is written")
        self._shoot(WORKER if pid in self._pids(WORKER) else "tick", pid)
        # What its job's lease does by itself in half a minute, or two and a half.
        self.watch.query("UPDATE job SET lease_expires_at = now() WHERE status = 'running' RETURNING id")

    def wait_until_derived(self, source: Source, seconds: float) -> None:
        """Until a source's history is read, and everything derived from it."""
        query = (
            "SELECT count(*) FROM job WHERE idempotency_key = 'history:' || %s AND status = 'succeeded'"
            " AND NOT EXISTS (SELECT FROM source_item WHERE connection_id::text = %s AND processed_at IS NULL)"
        )

        def derived() -> bool:
            with suppress(psycopg.Error):
                return self.watch.query(query, [source.connection_id] * 2) == [(1,)]
            return False

        self.up.wait_for(derived, seconds, f"{source.name} is derived")

    def settle(self, patience: float) -> list[Verdict]:
        """End the traffic; the verdicts once all is well, or when nothing came nearer to it for so many seconds."""
        self._over.set()
        self._traffic.join()
        best, deadline = None, 0.0
        while True:
            verdicts = self.verdicts()
            wrong = sum(one.lost + one.doubled for one in verdicts) + self.watch.waiting()
            if best is None or wrong < best:
                best, deadline = wrong, time.monotonic() + patience
            if not wrong or time.monotonic() > deadline:
                return verdicts
            time.sleep(0.5)

    def verdicts(self) -> list[Verdict]:
        """As things are, on every source."""
        while True:
            with suppress(psycopg.Error):
                return [judge(self.watch.query, source) for source in self.sources]
            time.sleep(0.1)

    def figures(self, verdicts: list[Verdict]) -> Figures:
        """Everything that was measured."""
        watch = self.watch
        again = read_again(self.book, [one.wall for one in watch.kills])
        return Figures(
            seed=self.seed,
            kills={kind: sum(one.kind == kind for one in watch.kills) for kind in dict.fromkeys(KINDS)},
            items=sum(one.items for one in verdicts),
            lost=sum(one.lost for one in verdicts),
            doubled=sum(one.doubled for one in verdicts),
            miscounted=miscounted(watch.query),
            blamed=[one for verdict in verdicts for one in verdict.blamed],
            read_again=len(again),
            most_read_again=most_read_again([one for one in again if one.kill is not None]),
            read_again_unasked=sum(one.kill is None for one in again),
            taken_over=len(watch.taken_over),
            take_over=round(max((one.seconds for one in watch.taken_over), default=0.0), 1),
            take_over_whole=round(max((one.whole for one in watch.taken_over), default=0.0), 1),
            longest_dead=round(watch.longest_dead, 1),
            outage=round(max(watch.outages, default=0.0), 1),
        )

    def end(self) -> None:
        """Leave the platform alone."""
        self._over.set()
        self._traffic.join()
        self.watch.end()

    def _known(self, source: Source) -> bool:
        with suppress(psycopg.Error):
            for (connection_id,) in self.watch.query(
                "SELECT id::text FROM connection WHERE name = %s", [source.name]
            ):
                source.connection_id = connection_id
        return bool(source.connection_id)

    def _make_traffic(self) -> None:
        dice = random.Random(self.seed + 1)
        while not self._over.wait(dice.uniform(0, _TRAFFIC_SECONDS)):
            if self.sources:
                dice.choice(self.sources[-4:]).change(dice)

    def _pids(self, kind: str) -> list[int]:
        match kind:
            case "worker":
                return self.up.pids("multiprocessing.spawn", "spawn_main")
            case "tick":
                return self.up.pids("dagster", "tests.integration.kill.definitions", "grpc")
            case "daemon":
                return self.up.pids("dagster-daemon")
            case _:
                with suppress(OSError, ValueError, IndexError):
                    lines = (self.up.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
                    return [int(lines[0])]
                return []

    def _held_by(self, pid: int) -> frozenset[str]:
        """The connections whose turn a process has."""
        holder = f"{socket.gethostname()}:{pid}"
        with suppress(psycopg.Error):
            self.watch.look()
            return frozenset(one for one, whose in self.watch.holders.items() if whose == holder)
        return frozenset()

    def _shoot(self, kind: str, pid: int) -> bool:
        try:
            held = self._held_by(pid)
            before = self.watch.look()
        except psycopg.Error:
            before, held = {}, frozenset()
        kill = Kill(
            kind,
            time.monotonic(),
            time.time(),
            held if kind in {WORKER, "tick"} else frozenset(source.connection_id for source in self.sources),
        )
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False  # it ended by itself
        self.watch.note(kill, before)
        return True


def _number_in(note: Path) -> int:
    with suppress(OSError, ValueError):
        return int(note.read_text("utf-8"))
    return 0
