"""``drovi up`` in a process of its own, as a person starts it, and what tests do to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text

from resources.database import WorkerDatabase
from resources.embedded_postgres import connect_or_start
from resources.organisations import sole_owner
from tests.conftest import REPOSITORY

T = TypeVar("T")

UP = ("-c", "from drovi.cli.main import app; app()", "up")


class Up:
    """One ``DROVI_HOME`` and the platform that runs in it."""

    def __init__(
        self, home: Path, arguments: Sequence[str] = UP, environment: Mapping[str, str] | None = None
    ) -> None:
        """``arguments`` are the interpreter's: what is started, in place of ``drovi up``."""
        self.home = home
        self.command = [sys.executable, *arguments]
        self.api, self.dagster, self.code_server = _free_ports(3)
        self.environment = os.environ | {
            "DROVI_HOME": str(home),
            "DROVI_API_PORT": str(self.api),
            "DROVI_DAGSTER_PORT": str(self.dagster),
            "DROVI_CODE_SERVER_PORT": str(self.code_server),
            **(environment or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.log = home / "up.log"

    def start(self) -> float:
        """Seconds until it says that it is ready."""
        begun = time.monotonic()
        written = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, cwd=REPOSITORY, stdout=log, stderr=log
            )
        self.wait_for(lambda: b"ready in" in self.log.read_bytes()[written:], 120, "the platform is ready")
        return time.monotonic() - begun

    def stop(self) -> tuple[int, float]:
        """Exit status and seconds."""
        assert self.process is not None
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60), time.monotonic() - begun

    def wait_for(self, there: Callable[[], T], seconds: float, what: str) -> T:
        deadline = time.monotonic() + seconds
        while not (found := there()):
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s\n{self.logs()}"
            assert self.process is None or self.process.poll() is None, self.logs()
            time.sleep(0.1)
        return found

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The API's answer to its owner; None where it does not answer well."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.api}{path}", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.loads(response.read())
        except (urllib.error.URLError, OSError):
            return None

    @property
    def key(self) -> str:
        return "drovi_" + json.loads((self.home / "secrets.json").read_text())["owner_api_key"]

    def finds(self, word: str) -> bool:
        answer = self.ask("/api/v1/find", {"query": word}) or {"results": []}
        return any(word in one["snippet"] or word in one["path"] for one in answer["results"])

    def connect(self, folder: Path) -> str:
        body = {"connector": "documents", "name": folder.name, "config": {"path": str(folder)}}
        return self.ask("/api/v1/connections", body)["id"]

    def query(self, statement: str) -> list[tuple]:
        """Rows, as the worker of the only organisation."""
        with connect_or_start(self.home) as server:
            database = WorkerDatabase(server.urls().worker)
            with database.organisation(sole_owner(database).org_id) as connection:
                result = connection.execute(text(statement))
                rows = [tuple(row) for row in result] if result.returns_rows else []
            database.close()
            return rows

    def family(self) -> dict[int, str]:
        """Every process of this platform by pid: children, their children, and what was put in the background."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.home).encode() in environment or str(self.home) in command:
                found[int(entry.name)] = command
        for parent in list(found):  # postgres' backends carry neither
            for child in _descendants(parent):
                found.setdefault(child, "")
        found.pop(os.getpid(), None)
        return found

    def pids(self, *words: str) -> list[int]:
        """The processes whose command line has all of the words."""
        return [pid for pid, command in self.family().items() if all(word in command for word in words)]

    def logs(self) -> str:
        """The last lines of every log."""
        files = [self.log, *sorted((self.home / "logs").glob("*.log"))]
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')[-1500:]}" for file in files)


def _descendants(pid: int) -> list[int]:
    try:
        children = [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return children + [deeper for child in children for deeper in _descendants(child)]


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
