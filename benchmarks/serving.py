"""The API in a process of its own, as uvicorn serves it, reached over loopback."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from resources.master_keys import MasterKeys
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from resources.telemetry import configure_logging

PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Target:
    """What the server process is given; ``options`` are further fields of ``ApiRuntime``."""

    app_url: str
    identity_url: str
    home: Path
    options: Mapping[str, Any] = field(default_factory=dict)


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
def served(target: Target, *, embedder: Callable[[], Any]) -> Iterator[Server]:
    """The whole application; ``embedder`` makes its embedder, over there."""
    context = multiprocessing.get_context("spawn")
    control, theirs = context.Pipe()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        process = context.Process(target=_serve, args=(target, embedder, listening, theirs), daemon=True)
        process.start()
        try:
            yield Server(listening.getsockname()[1], control)
        finally:
            process.terminate()
            process.join(20)


def _serve(target: Target, embedder: Callable[[], Any], listening: socket.socket, control: Pipe) -> None:
    import uvicorn

    from drovi_api.app import create_app
    from drovi_api.runtime import ApiRuntime
    from drovi_api.server import KEEP_ALIVE_SECONDS
    from resources.database import AppDatabase, IdentityDatabase
    from resources.garbage import spare_what_is_loaded
    from resources.object_store import FolderStore

    configure_logging(service="api", stream=Path(os.devnull).open("w"))  # noqa: SIM115 - for the process's life

    def answer() -> None:
        while control.recv() == "cpu":
            usage = resource.getrusage(resource.RUSAGE_SELF)
            control.send(usage.ru_utime + usage.ru_stime)

    threading.Thread(target=answer, daemon=True).start()
    runtime = ApiRuntime(
        database=AppDatabase(target.app_url),
        identity=IdentityDatabase(target.identity_url),
        embedder=embedder(),
        secrets=SecretBox(MasterKeys(SecretFile(target.home))),
        objects=FolderStore(target.home / "objects"),
        **target.options,
    )
    config = uvicorn.Config(
        create_app(runtime), log_config=None, access_log=False, timeout_keep_alive=KEEP_ALIVE_SECONDS
    )
    spare_what_is_loaded()
    uvicorn.Server(config).run(sockets=[listening])
