"""The handle on the embedded server that a Drovi process holds.

A server runs for as long as at least one process holds a handle on its folder, whoever started it. The
handle is a shared lock, so it ends with the process, however that ends; :mod:`guardian` is the other side.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
import weakref
from typing import IO, TYPE_CHECKING, Final, Literal, Self

import psycopg

from resources.embedded_postgres import guardian
from resources.embedded_postgres.binaries import MAJOR_VERSION, runnable_installation, unprivileged_account
from resources.embedded_postgres.folder import HOST, ServerFolder, take
from resources.embedded_postgres.provision import SUPERUSER, provision
from resources.errors import Conflict, NotConfigured, TimedOut
from resources.secret_file import SecretFile
from resources.settings import APP_ROLE, IDENTITY_ROLE, OWNER_ROLE, WORKER_ROLE, DatabaseUrls

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

Role = Literal["superuser", "owner", "app", "worker", "identity"]

_ROLES: Final[dict[Role, str]] = {
    "superuser": SUPERUSER,
    "owner": OWNER_ROLE,
    "app": APP_ROLE,
    "worker": WORKER_ROLE,
    "identity": IDENTITY_ROLE,
}
_POLL_SECONDS = 0.02
_START_SECONDS = 120.0  # crash recovery after a long import included
_STOP_SECONDS = 90.0  # the guardian's own patience with a shutdown, and some
_WRONG_PASSWORD_SECONDS = 3.0
_SIGHTINGS = 5  # of another user before we believe it: a process that is leaving, like us, looks like one

# Given on the command line at every start, so that a newer Drovi retunes an older folder.
_TUNING: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "200",
    # The first change of a page after a checkpoint logs the whole page. Fewer checkpoints, and pages as they are:
    # pglz, the only compression in these binaries, takes 60 us a page, a tenth of the server's work on a backfill.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "off",
    "jit": "off",  # costs more than it saves on queries of milliseconds
    "max_parallel_workers": "0",  # parallel plans need /dev/shm, 64 MB in a container, and cores to spare
    "max_parallel_maintenance_workers": "0",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}

# The password is 256 random bits: stretching adds nothing, and at the default 4,096 rounds it was most of the
# cost of a connection (3.8 against 0.6 CPU-ms), of which dagster-postgres opens one per use.
_INITDB: Final = (
    f"--username={SUPERUSER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-instructions",
    "--set=scram_iterations=1",
)

_handles: weakref.WeakSet[EmbeddedPostgres] = weakref.WeakSet()


class EmbeddedPostgres:
    """One process's hold on the server of one ``DROVI_HOME``; a context manager."""

    def __init__(self, home: Path, *, port: int = 0) -> None:
        """``port`` 0: the remembered one while it is free, else a new one, which is then remembered."""
        self._folder = ServerFolder(home.absolute() / "postgres")
        self._wanted_port = port
        self._port = 0
        self._users: IO[str] | None = None
        secrets = SecretFile(home.absolute())
        self._passwords = {user: secrets.get(f"postgres_{user}") for user in _ROLES.values()}

    @property
    def port(self) -> int:
        """The loopback port; 0 before :meth:`start` or :meth:`join`."""
        return self._port

    @property
    def log(self) -> Path:
        """Where the server and its guardian write."""
        return self._folder.log

    def start(self) -> Self:
        """Start the server.

        Raises:
            Conflict: another process uses one in this folder; :meth:`join` would share it.
            NotConfigured: it cannot run here; the remedy says what to change.
            TimedOut: it did not get ready.
        """
        return self._hold(share=False)

    def join(self) -> Self:
        """Use the server that runs in this folder, or start one; raises as :meth:`start`, except Conflict."""
        return self._hold(share=True)

    def ensure(self) -> None:
        """Return once the server answers, with a new guardian if the last one was killed; raises as :meth:`start`."""
        if self._users is None:
            raise Conflict("The embedded Postgres was not started.", remedy="Call start() or join() first.")
        self._bring_up()

    def stop(self) -> None:
        """Let go of the server. It stops when no other process holds it; then this waits until it has."""
        if self._users is not None:
            self._users.close()
            self._users = None
            self._wait_until_stopped()

    def url(self, database: str = "drovi", role: Role = "owner") -> str:
        """``postgresql://user:password@127.0.0.1:port/database``, without a driver suffix."""
        return self._address(database, _ROLES[role])

    def urls(self, database: str = "drovi") -> DatabaseUrls:
        """Where each role of the platform connects, with the platform's own data in ``database``."""
        return DatabaseUrls(
            owner=self.url(database, "owner"),
            app=self.url(database, "app"),
            worker=self.url(database, "worker"),
            identity=self.url(database, "identity"),
            dagster=self.url("dagster", "owner"),
        )

    def password(self, user: str) -> str:
        """The generated password of one of the platform's roles."""
        return self._passwords[user]

    def __enter__(self) -> Self:
        return self if self._users is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _address(self, database: str, user: str) -> str:
        return f"postgresql://{user}:{self._passwords[user]}@{HOST}:{self._port}/{database}"

    def _hold(self, *, share: bool) -> Self:
        if self._users is not None:
            return self
        self._folder.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        users = self._folder.open_users()
        try:
            self._enter(users, share=share)
            self._bring_up()
        except BaseException:
            users.close()
            self._wait_until_stopped()
            raise
        self._users = users
        _handles.add(self)
        return self

    def _enter(self, users: IO[str], *, share: bool) -> None:
        """Take our share of the lock, waiting for a server that nobody used any more to finish stopping."""
        deadline = time.monotonic() + _STOP_SECONDS
        sightings = 0
        while not ((share or take(users, fcntl.LOCK_EX)) and take(users, fcntl.LOCK_SH)):
            sightings = sightings + 1 if self._folder.used() else 0
            if not share and sightings == _SIGHTINGS:
                raise Conflict(
                    f"An embedded Postgres already runs in {self._folder.path}.",
                    remedy="Stop the other drovi process, or set DROVI_HOME to another folder.",
                )
            _pause(deadline, "The embedded Postgres of this folder does not finish stopping.")

    def _wait_until_stopped(self) -> None:
        """Or until somebody else is seen to use it."""
        deadline = time.monotonic() + _STOP_SECONDS
        sightings = 0
        while self._folder.guarded() and sightings < _SIGHTINGS:
            sightings = sightings + 1 if self._folder.used() else 0
            _pause(deadline, "The embedded Postgres does not finish stopping.")

    def _bring_up(self) -> None:
        """Our shared lock is held: a guardian that runs now, ours or another's, goes on running."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with self._folder.open_server() as server_lock:
                ours = take(server_lock, fcntl.LOCK_EX)
                if ours:
                    self._launch(server_lock)
            if self._answers(deadline):
                return
            if ours:
                raise NotConfigured(
                    f"The embedded Postgres does not start: {self._folder.log_tail()}",
                    remedy=f"See {self.log}; or set DATABASE_URL to a Postgres of your own.",
                )

    def _launch(self, server_lock: IO[str]) -> None:
        """Start a guardian, which inherits the lock on the folder."""
        self._folder.check_version(MAJOR_VERSION)
        account = unprivileged_account()
        tuning = {**_TUNING, "port": str(self._folder.choose_port(self._wanted_port))}
        with self._folder.open_users() as users, self._folder.open_log() as log:
            config = {
                "installation": str(runnable_installation(account)),
                "folder": str(self._folder.path),
                "account": account and (account.uid, account.gid),
                "arguments": [f"--{name}={value}" for name, value in tuning.items()],
                "initdb_arguments": _INITDB,
                "users_fd": users.fileno(),
            }
            subprocess.run(  # noqa: S603 - our own interpreter and script
                [sys.executable, "-I", "-S", guardian.__file__, json.dumps(config)],
                input=self._passwords[SUPERUSER].encode() + b"\n",
                stdout=log,
                stderr=log,
                pass_fds=[server_lock.fileno(), users.fileno()],
                cwd="/",
                start_new_session=True,  # ^C in the terminal is for Drovi, not for its database
                check=True,  # it returns at once, having put itself in the background
            )

    def _answers(self, deadline: float) -> bool:
        """Wait until the server takes our password and has its databases; false if its guardian is gone."""
        refused_since: float | None = None
        while True:
            guarded = self._folder.guarded()  # asked first: what a dead server left behind is no answer
            self._port = self._folder.running_port()
            if guarded and self._port:
                try:
                    provision(self._address, self._passwords)
                except psycopg.OperationalError as error:
                    refused = "password authentication failed" in str(error)
                    # The pid file of a crashed server may name a port that is somebody else's for the moment.
                    refused_since = (refused_since or time.monotonic()) if refused else None
                    if refused_since and time.monotonic() - refused_since > _WRONG_PASSWORD_SECONDS:
                        raise NotConfigured(
                            f"The database in {self._folder.path} does not take the passwords in secrets.json.",
                            remedy="Restore secrets.json from the backup of this DROVI_HOME, or use another one.",
                        ) from None
                else:
                    return True
            if not guarded:
                return False
            _pause(deadline, "The embedded Postgres did not get ready.")


def connect_or_start(home: Path, *, port: int = 0) -> EmbeddedPostgres:
    """A hold on the server of ``home``, started if none runs; let go of it with ``stop`` or ``with``."""
    return EmbeddedPostgres(home, port=port).join()


def _pause(deadline: float, complaint: str) -> None:
    if time.monotonic() > deadline:
        raise TimedOut(complaint, remedy="Its log is postgres/postgres.log under DROVI_HOME.")
    time.sleep(_POLL_SECONDS)


def _forget_handles() -> None:
    """A forked child holds nothing: else one that outlives its parent would keep the server up for ever."""
    for handle in list(_handles):
        if handle._users is not None:  # noqa: SLF001 - this module's own class
            with contextlib.suppress(OSError):
                handle._users.close()  # noqa: SLF001 - this module's own class
            handle._users = None  # noqa: SLF001 - this module's own class


os.register_at_fork(after_in_child=_forget_handles)
