"""What a tenant route costs beside a bare FastAPI route that runs the same transaction.

Ours is ``GET /api/v1/connections/{id}`` as served: authentication by key, tenancy, one row, request id, access
log, metrics, security headers. The peer is FastAPI with nothing around it: BEGIN, ``set_config`` of the
tenant, the same row, COMMIT, on a pool made the same way. Each runs in a server process of its own, on
uvicorn, and is asked by this process over one keep-alive connection on loopback; the figure is requests
per CPU-second of the server process, Postgres apart, since the two share that.
"""

from __future__ import annotations

import http.client
import multiprocessing
import os
import resource
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any
from uuid import UUID

from resources import audiences
from resources.database import AppDatabase, IdentityDatabase, WorkerDatabase, engine_for
from resources.embedded_postgres import EmbeddedPostgres
from resources.migrate import migrate
from resources.organisations import ensure_organisation, issue_api_key
from resources.telemetry import configure_logging

DEFAULT_REQUESTS = 3000
_ROUNDS = 15
_WARM_UP = 300


@dataclass(frozen=True, slots=True)
class Target:
    """Where both servers find the row."""

    app_url: str
    identity_url: str
    home: Path
    org_id: UUID
    connection_id: UUID
    audience_ids: tuple[UUID, ...]
    key: str


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """One line: the best of many short rounds each, in turns; what else runs on the machine only ever adds cost."""
    requests = n or DEFAULT_REQUESTS
    with _target() as target, _serving(_ours, target) as ours, _serving(_bare, target) as bare:
        rates = [(ours.rate(requests // _ROUNDS), bare.rate(requests // _ROUNDS)) for _ in range(_ROUNDS)]
    mine, peer = (max(column) for column in zip(*rates, strict=True))
    yield {
        "name": "api/bare_fastapi",
        "ours": round(mine, 1),
        "peer": round(peer, 1),
        "ratio": round(mine / peer, 3),
        "unit": "requests/cpu_s",
        "n": requests,
    }


@contextmanager
def _target() -> Iterator[Target]:
    with tempfile.TemporaryDirectory(prefix="drovi-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # the server's unprivileged user must reach its own folder in it
        with EmbeddedPostgres(home) as postgres:
            urls = postgres.urls()
            migrate(urls, passwords={})
            worker = WorkerDatabase(urls.worker)
            principal = ensure_organisation(worker, "Bench", "owner@bench.example", "Owner")
            key = issue_api_key(worker, principal, "bench")
            with worker.organisation(principal.org_id) as session:
                audience_id = audiences.of_organisation(session, principal.org_id)
                connection_id = _insert_connection(session, principal.org_id, principal.user_id, audience_id)
            worker.close()
            yield Target(
                urls.app, urls.identity, home, principal.org_id, connection_id, principal.audiences, key
            )


def _insert_connection(session: Any, org_id: UUID, owner_id: UUID, audience_id: UUID) -> UUID:
    from resources.schema import connection

    values = {
        "org_id": org_id,
        "owner_id": owner_id,
        "audience_id": audience_id,
        "connector": "documents",
        "name": "Files",
        "config": {"folder": "/srv/files"},
    }
    inserted: UUID = session.execute(
        connection.insert().values(values).returning(connection.c.id)
    ).scalar_one()
    return inserted


class _Server:
    """A server process, and the one keep-alive connection to it."""

    def __init__(self, port: int, control: Pipe, target: Target) -> None:
        self._control = control
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._path = f"/api/v1/connections/{target.connection_id}"
        self._headers = {"Authorization": f"Bearer {target.key}"}
        self._ask(_WARM_UP)

    def rate(self, requests: int) -> float:
        """Requests per CPU-second of the server process."""
        before = self._cpu_seconds()
        self._ask(requests)
        return requests / (self._cpu_seconds() - before)

    def close(self) -> None:
        self._http.close()

    def _ask(self, requests: int) -> None:
        for _ in range(requests):
            self._http.request("GET", self._path, headers=self._headers)
            response = self._http.getresponse()
            body = response.read()
            if response.status != 200:
                raise RuntimeError(f"{response.status}: {body[:500]!r}")

    def _cpu_seconds(self) -> float:
        self._control.send("cpu")
        seconds: float = self._control.recv()
        return seconds


@contextmanager
def _serving(make: Callable[[Target], Any], target: Target) -> Iterator[_Server]:
    context = multiprocessing.get_context("spawn")
    control, theirs = context.Pipe()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        process = context.Process(target=_serve, args=(make, target, listening, theirs), daemon=True)
        process.start()
        try:
            server = _Server(listening.getsockname()[1], control, target)
            try:
                yield server
            finally:
                server.close()
        finally:
            process.terminate()
            process.join(20)


def _serve(make: Callable[[Target], Any], target: Target, listening: socket.socket, control: Pipe) -> None:
    import threading

    import uvicorn

    # The access log is written as in production, to nowhere: the terminal's speed is not measured.
    configure_logging(service="api", stream=Path(os.devnull).open("w"))  # noqa: SIM115 - for the process's life

    def answer() -> None:
        while control.recv() == "cpu":
            usage = resource.getrusage(resource.RUSAGE_SELF)
            control.send(usage.ru_utime + usage.ru_stime)

    threading.Thread(target=answer, daemon=True).start()
    server = uvicorn.Server(
        uvicorn.Config(make(target), log_config=None, access_log=False, timeout_keep_alive=600)
    )
    server.run(sockets=[listening])


def _ours(target: Target) -> Any:
    from drovi_api.app import create_app
    from drovi_api.runtime import ApiRuntime
    from resources.master_keys import MasterKeys
    from resources.object_store import FolderStore
    from resources.secret_file import SecretFile
    from resources.secrets import SecretBox

    return create_app(
        ApiRuntime(
            database=AppDatabase(target.app_url),
            identity=IdentityDatabase(target.identity_url),
            embedder=_NoModel(),
            secrets=SecretBox(MasterKeys(SecretFile(target.home))),
            objects=FolderStore(target.home / "objects"),
        )
    )


def _bare(target: Target) -> Any:
    from fastapi import FastAPI
    from sqlalchemy import bindparam, select, text

    from resources.schema import connection

    app = FastAPI()
    engine = engine_for(target.app_url, application_name="bare")
    enter = text(
        "SELECT set_config('drovi.org_id', :org_id, true), set_config('drovi.audiences', :audiences, true)"
    )
    tenant = {
        "org_id": str(target.org_id),
        "audiences": "{" + ",".join(map(str, target.audience_ids)) + "}",
    }
    names = ("id", "connector", "name", "visibility", "owner_id", "config", "status", "status_detail",
             "last_synced_at", "next_sync_at", "created_at")  # fmt: skip
    columns = [connection.c[name] for name in names]
    query = select(*columns).where(connection.c.id == bindparam("connection_id"))

    @app.get("/api/v1/connections/{connection_id}")
    def get_connection(connection_id: UUID):  # type: ignore[no-untyped-def]  # noqa: ANN202 - bare: no response model
        with engine.begin() as session:
            session.execute(enter, tenant)
            row = session.execute(query, {"connection_id": connection_id}).one()
            return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it

    return app


class _NoModel:
    """Stands where an embedding model would: the route under test asks nothing of it."""

    model_id = "none"

    def encode(self, texts: Sequence[str]) -> Any:
        raise AssertionError(f"The route under test embeds nothing, and asked for {len(texts)} texts.")
