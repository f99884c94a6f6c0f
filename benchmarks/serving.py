"""An application in a process of its own, as uvicorn serves it, reached over loopback."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, TypeVar

from resources.master_keys import MasterKeys
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from resources.telemetry import configure_logging

T = TypeVar("T")
PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Target:
    """Where the whole application finds its database and its files."""

    app_url: str
    identity_url: str
    home: Path


class Server:
    """The server process."""

    def __init__(self, port: int, control: Pipe) -> None:
        self._port = port
        self._control = control

    def connect(self) -> http.client.HTTPConnection:
        """A connection of one person's."""
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_SECONDS)

    def cpu_seconds(self) -> float:
        """What the process has used so far, Postgres apart."""
        self._control.send("cpu")
        seconds: float = self._control.recv()
        return seconds


@contextmanager
def served(make: Callable[[T], Any], given: T) -> Iterator[Server]:
    """The application that ``make`` makes of what it is given, over there; both are sent by name and by value."""
    context = multiprocessing.get_context("spawn")
    control, theirs = context.Pipe()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        process = context.Process(target=_serve, args=(make, given, listening, theirs), daemon=True)
        process.start()
        try:
            yield Server(listening.getsockname()[1], control)
        finally:
            process.terminate()
            process.join(20)


def whole_application(target: Target, embedder: Any, **options: Any) -> Any:
    """As in production; ``options`` are further fields of ``ApiRuntime``."""
    from drovi_api.app import create_app
    from drovi_api.runtime import ApiRuntime
    from resources.database import AppDatabase, IdentityDatabase
    from resources.object_store import FolderStore

    return create_app(
        ApiRuntime(
            database=AppDatabase(target.app_url),
            identity=IdentityDatabase(target.identity_url),
            embedder=embedder,
            secrets=SecretBox(MasterKeys(SecretFile(target.home))),
            objects=FolderStore(target.home / "objects"),
            **options,
        )
    )


class Wordless:
    """Stands where an embedding model would, for routes that ask nothing of it."""

    model_id = "none"


def _serve(make: Callable[[T], Any], given: T, listening: socket.socket, control: Pipe) -> None:
    import uvicorn

    from drovi_api.server import KEEP_ALIVE_SECONDS
    from resources.garbage import spare_what_is_loaded

    # The log is written as in production, to nowhere: the terminal's speed is not measured.
    configure_logging(service="api", stream=Path(os.devnull).open("w"))  # noqa: SIM115 - for the process's life

    def answer() -> None:
        while control.recv() == "cpu":
            usage = resource.getrusage(resource.RUSAGE_SELF)
            control.send(usage.ru_utime + usage.ru_stime)

    threading.Thread(target=answer, daemon=True).start()
    application = make(given)
    config = uvicorn.Config(
        application, log_config=None, access_log=False, timeout_keep_alive=KEEP_ALIVE_SECONDS
    )
    spare_what_is_loaded()
    uvicorn.Server(config).run(sockets=[listening])
