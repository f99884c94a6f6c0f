"""One machine's platform: the database, Dagster's three processes and the API, started, watched and stopped together.

``serve`` is what ``drovi up`` does. ``running`` is the same as a context manager, for whoever has something to do
meanwhile (a test, a benchmark). Everything is decided here and in ``processes``: each child is told by its
environment where the database is and which ports to use, so that none has to find out.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg
from pydantic import SecretStr

from drovi.cli.output import screen
from drovi.environment import open_database
from drovi.processes import POLL_SECONDS, Child, Program, end
from resources.embedded_postgres import EmbeddedPostgres, connect_or_start
from resources.errors import Conflict, Transient
from resources.settings import DatabaseUrls, Settings, with_driver

LOOPBACK = "127.0.0.1"
CONFIGURATION = Path(__file__).parent.parent
"""Where ``dagster.yaml`` and ``workspace.yaml`` are."""
DEFINITIONS = "drovi.definitions"
"""The module that the code server loads; a deployment that overrides resources names its own."""

_READY_SECONDS = 120.0
_PORT_SECONDS = 5.0  # children of a platform that was killed need a moment to be gone
_PROBE_SECONDS = 2.0
_CONNECT_SECONDS = 10
_DATABASE_SECONDS = 5.0
_OUTER_PATIENCE = 6.0
_INNER_PATIENCE = 12.0  # with the outer one, the database's own shutdown and slack: under 30 seconds


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a person finds what runs."""

    api: str
    api_docs: str
    dagster: str
    logs: Path


class Platform:
    """A started platform. Call :meth:`tend` often: it starts again what crashed."""

    def __init__(
        self,
        settings: Settings,
        urls: DatabaseUrls,
        database: EmbeddedPostgres | None,
        definitions: str = DEFINITIONS,
    ) -> None:
        self.settings = settings
        self._database = database
        self._looked_at_database = time.monotonic()
        self.urls = urls
        self.environment = environment_for(settings, urls)
        # The order of starting; stopping goes the other way, so that nothing asks a server that is gone.
        self.children = {
            program.name: Child(program)
            for program in programs(settings, urls, self.environment, definitions)
        }

    @property
    def addresses(self) -> Addresses:
        """Where a person finds what runs."""
        api = f"http://{_reachable(self.settings.api_host)}:{self.settings.api_port}"
        dagster = f"http://{LOOPBACK}:{self.settings.dagster_port}"
        return Addresses(api, f"{api}/docs", dagster, self.settings.home / "logs")

    def start(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Start every child and wait until all are ready, or until ``stopping``.

        Raises:
            Transient: one did not get ready; its last words are in the message.
        """
        deadline = time.monotonic() + _READY_SECONDS
        code_server, *others = self.children.values()
        # The daemon and the webserver look for the code server once, and then not again for a while.
        for together in ([code_server], others):
            for child in together:
                child.start()
            waiting = list(together)
            while waiting and not stopping():
                waiting = [child for child in waiting if not child.program.ready()]
                for child in waiting:
                    if not child.running() or time.monotonic() > deadline:
                        raise Transient(
                            f"The {child.program.name} did not get ready:\n{child.log_tail()}",
                            remedy=f"See {child.program.log}.",
                        )
                time.sleep(POLL_SECONDS if waiting else 0)

    def tend(self) -> None:
        """Start again what crashed, each after its pause, the embedded database included."""
        for child in self.children.values():
            child.tend()
        if self._database is not None and time.monotonic() - self._looked_at_database > _DATABASE_SECONDS:
            self._database.ensure()
            self._looked_at_database = time.monotonic()

    def stop(self) -> None:
        """End every child: first what asks for work and shows it, then what does it."""
        code_server, *others = self.children.values()
        end(others, patience=_OUTER_PATIENCE)
        end([code_server], patience=_INNER_PATIENCE)


@contextmanager
def running(
    settings: Settings, stopping: Callable[[], bool] = lambda: False, *, definitions: str = DEFINITIONS
) -> Iterator[Platform]:
    """A platform that is ready, stopped at the end of the block. From the main thread only (see ``tether``).

    Raises:
        Conflict: a port is taken, or another platform runs in this ``DROVI_HOME``.
    """
    with ExitStack() as stack:
        stack.enter_context(_alone_in(settings.home))
        _check_ports(settings)
        urls = stack.enter_context(open_database(settings))
        database = None
        if settings.embedded_database:
            database = stack.enter_context(connect_or_start(settings.home, port=settings.postgres_port))
        prepare_dagster(settings, urls)
        platform = Platform(settings, urls, database, definitions)
        stack.callback(platform.stop)
        platform.start(stopping)
        yield platform


def serve(
    settings: Settings,
    *,
    until: Callable[[], bool] = lambda: False,
    ready: Callable[[Addresses], None] | None = None,
    definitions: str = DEFINITIONS,
) -> None:
    """Run the platform until SIGTERM, SIGINT or ``until``; ``ready`` is told the addresses, else they are printed.

    Raises:
        Conflict: a port is taken, or another platform runs in this ``DROVI_HOME``.
    """
    begun = time.monotonic()
    with (
        _signals() as asked_to_stop,
        running(settings, asked_to_stop, definitions=definitions) as platform,
    ):
        if not asked_to_stop():
            (ready or _announce)(platform.addresses)
            screen.print(f"[dim]ready in {time.monotonic() - begun:.0f} s; Ctrl-C stops it[/]")
        while not (asked_to_stop() or until()):
            platform.tend()
            time.sleep(POLL_SECONDS)


def environment_for(settings: Settings, urls: DatabaseUrls) -> dict[str, str]:
    """A child's environment: every setting spelled out, and where the database is for each role."""
    environment = dict(os.environ)
    # Bytecode is written: interpreter start and imports are most of what a Dagster run costs.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for name, info in Settings.model_fields.items():
        value = getattr(settings, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        if text:
            environment[str(info.validation_alias)] = text
    return environment | {
        "DATABASE_URL": urls.owner,
        "DATABASE_APP_URL": urls.app,
        "DATABASE_WORKER_URL": urls.worker,
        "DATABASE_IDENTITY_URL": urls.identity,
        "DAGSTER_DATABASE_URL": urls.dagster,
        "DROVI_DAGSTER_STORAGE": with_driver(urls.dagster, "psycopg2"),
        "DAGSTER_HOME": str(dagster_home(settings)),
    }


def programs(
    settings: Settings, urls: DatabaseUrls, environment: Mapping[str, str], definitions: str = DEFINITIONS
) -> list[Program]:
    """What a platform consists of, besides its database; the code server, on which others depend, first."""
    workspace = str(CONFIGURATION / "workspace.yaml")
    port = {name: str(getattr(settings, name)) for name in ("code_server_port", "dagster_port")}
    api = f"http://{_reachable(settings.api_host)}:{settings.api_port}/health"
    begun = time.time()

    def program(
        name: str,
        *command: str,
        ready: Callable[[], bool],
        environment: Mapping[str, str] = environment,
    ) -> Program:
        return Program(name, command, environment, settings.home / "logs" / f"{name}.log", ready)

    return [
        program(
            "code-server",
            _script("dagster"),
            *("api", "grpc", "--module-name", definitions, "--location-name", "drovi"),
            *("--host", LOOPBACK, "--port", port["code_server_port"], "--max-workers", "16"),
            ready=lambda: _listens(settings.code_server_port),
        ),
        program(
            "daemon",
            _script("dagster-daemon"),
            *("run", "--workspace", workspace),
            ready=lambda: _daemon_beats(urls.dagster, begun),
            # It asks the database every second, for as long as it lives.
            environment={**environment, "DROVI_DAGSTER_POOL": "1"},
        ),
        program(
            "webserver",
            _script("dagster-webserver"),
            *("--host", LOOPBACK, "--port", port["dagster_port"], "--workspace", workspace),
            ready=lambda: _answers(f"http://{LOOPBACK}:{settings.dagster_port}/server_info"),
        ),
        program("api", sys.executable, "-m", "drovi_api.server", ready=lambda: _answers(api)),
    ]


def _script(name: str) -> str:
    """A command of the environment that this interpreter belongs to."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def dagster_home(settings: Settings) -> Path:
    """The folder of the Dagster instance."""
    return settings.home / "dagster"


def prepare_dagster(settings: Settings, urls: DatabaseUrls) -> None:
    """Put the instance's configuration in its place, and its tables where they are missing."""
    home = dagster_home(settings)
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(CONFIGURATION / "dagster.yaml", home / "dagster.yaml")
    with psycopg.connect(urls.dagster, connect_timeout=_CONNECT_SECONDS) as connection:
        tables = "SELECT num_nulls(to_regclass('runs'), to_regclass('event_logs'), to_regclass('jobs'))"
        missing = connection.execute(tables).fetchone()
    if missing != (0,):
        # A process of its own: what it imports stays out of this one, which lives as long as the platform.
        subprocess.run(
            [sys.executable, "-m", "drovi.dagster_storage"],
            env=os.environ | {"DROVI_DAGSTER_STORAGE": with_driver(urls.dagster, "psycopg2")},
            timeout=_READY_SECONDS,
            check=True,
        )


@contextmanager
def _alone_in(home: Path) -> Iterator[IO[str]]:
    home.mkdir(parents=True, exist_ok=True)
    # The kernel lets go of it however we end, so it is never stale.
    with (home / "platform.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"A platform already runs in {home}.",
                remedy="Use it, stop it, or set DROVI_HOME to another folder.",
            ) from None
        yield lock


def _check_ports(settings: Settings) -> None:
    deadline = time.monotonic() + _PORT_SECONDS
    for variable, host, port in (
        ("DROVI_CODE_SERVER_PORT", LOOPBACK, settings.code_server_port),
        ("DROVI_DAGSTER_PORT", LOOPBACK, settings.dagster_port),
        ("DROVI_API_PORT", settings.api_host, settings.api_port),
    ):
        while not _is_free(host, port):
            if time.monotonic() > deadline:
                raise Conflict(
                    f"Port {port} is taken by another program.", remedy=f"Set {variable} to a free port."
                )
            time.sleep(POLL_SECONDS)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        # As servers bind: a connection still closing does not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=_PROBE_SECONDS):
        return True
    return False


def _answers(url: str) -> bool:
    with (
        suppress(OSError),
        urllib.request.urlopen(url, timeout=_PROBE_SECONDS) as response,  # noqa: S310 - our own address
    ):
        return bool(response.status == 200)
    return False


def _daemon_beats(dagster_url: str, since: float) -> bool:
    """Whether the sensor daemon has reported since that time (seconds of the epoch): it has no port to ask."""
    query = "SELECT 1 FROM daemon_heartbeats WHERE daemon_type = 'SENSOR' AND timestamp > to_timestamp(%s)"
    with suppress(psycopg.Error), psycopg.connect(dagster_url, connect_timeout=2) as connection:
        return connection.execute(query, [since]).fetchone() is not None
    return False


def _reachable(host: str) -> str:
    return LOOPBACK if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared with, not bound to


def _announce(addresses: Addresses) -> None:
    screen.print(
        f"API         {addresses.api}\nAPI docs    {addresses.api_docs}\nDagster UI  {addresses.dagster}"
    )
    screen.print(f"Logs        {addresses.logs}", soft_wrap=True)


@contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM or SIGINT came, in place of what they do otherwise; the second one does that again."""
    seen: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def note(number: int, _frame: object) -> None:
        seen.append(number)
        signal.signal(number, before[signal.Signals(number)])

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, note)
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
