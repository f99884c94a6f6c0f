"""What a tenant route costs beside a bare FastAPI route that runs the same transaction.

Ours is ``GET /api/v1/connections/{id}`` as served: authentication by key, tenancy, one row, request id, access
log, metrics, security headers. The peer is FastAPI with nothing around it: BEGIN, ``set_config`` of the
tenant, the same row, COMMIT, on a pool made the same way. Each runs in a server process of its own, on
uvicorn, and is asked by this process over one keep-alive connection on loopback; the figure is requests
per CPU-second of the server process, Postgres apart, since the two share that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from benchmarks.servers import started
from benchmarks.serving import Server, Target, Wordless, served, whole_application
from resources.database import engine_for
from resources.organisations import issue_api_key, sole_owner

DEFAULT_REQUESTS = 3000
_ROUNDS = 15
_WARM_UP = 300


@dataclass(frozen=True, slots=True)
class Row:
    """Where both servers find the row."""

    where: Target
    org_id: UUID
    connection_id: UUID
    audience_ids: tuple[UUID, ...]
    key: str


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """One line: the best of many short rounds each, in turns; what else runs on the machine only ever adds cost."""
    requests = n or DEFAULT_REQUESTS
    with _row() as row, served(_ours, row) as our_server, served(_bare, row) as bare_server:
        ours, bare = _Asked(our_server, row), _Asked(bare_server, row)
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
def _row() -> Iterator[Row]:
    with started() as bench:
        urls, owner = bench.server.urls(), sole_owner(bench.database)
        key = issue_api_key(bench.database, owner, "bench")
        connection_id = bench.connect("documents", "Files", {"folder": "/srv/files"})
        where = Target(urls.app, urls.identity, bench.home)
        yield Row(where, owner.org_id, connection_id, owner.audiences, key)


class _Asked:
    """A server, and the one keep-alive connection to it."""

    def __init__(self, server: Server, target: Row) -> None:
        self._server = server
        self._http = server.connect()
        self._path = f"/api/v1/connections/{target.connection_id}"
        self._headers = {"Authorization": f"Bearer {target.key}"}
        self._ask(_WARM_UP)

    def rate(self, requests: int) -> float:
        """Requests per CPU-second of the server process."""
        before = self._server.cpu_seconds()
        self._ask(requests)
        return requests / (self._server.cpu_seconds() - before)

    def _ask(self, requests: int) -> None:
        for _ in range(requests):
            self._http.request("GET", self._path, headers=self._headers)
            response = self._http.getresponse()
            body = response.read()
            if response.status != 200:
                raise RuntimeError(f"{response.status}: {body[:500]!r}")


def _ours(target: Row) -> Any:
    return whole_application(target.where, Wordless())


def _bare(target: Row) -> Any:
    from fastapi import FastAPI
    from sqlalchemy import bindparam, select, text

    from drovi_assets.connectors import rhythms
    from resources.schema import connection

    app = FastAPI()
    engine = engine_for(target.where.app_url, application_name="bare")
    enter = text(
        "SELECT set_config('drovi.org_id', :org_id, true), set_config('drovi.audiences', :audiences, true)"
    )
    tenant = {
        "org_id": str(target.org_id),
        "audiences": "{" + ",".join(map(str, target.audience_ids)) + "}",
    }
    names = ("id", "connector", "name", "visibility", "owner_id", "config", "status", "status_detail",
             "last_synced_at", "next_sync_at", "created_at")  # fmt: skip
    columns = [*(connection.c[name] for name in names), rhythms.SHOWN]
    query = select(*columns).where(connection.c.id == bindparam("connection_id"))

    @app.get("/api/v1/connections/{connection_id}")
    def get_connection(connection_id: UUID):  # type: ignore[no-untyped-def]  # noqa: ANN202 - bare: no response model
        with engine.begin() as session:
            session.execute(enter, tenant)
            row = session.execute(query, {"connection_id": connection_id}).one()
            return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it

    return app
