"""What row-level security costs: every query that the API sends when it reads, beside the same one without.

The queries are not listed here: the API answers a request for each of its reading operations, and what its driver sent
to Postgres meanwhile is measured, but for the one that says who is calling. The peer runs the same text as a superuser,
whom no policy holds back, on temporary views that carry each table's predicate in their WHERE, with the caller written
into it; the planner folds them into the query as if it had been typed there. Functions that look past the policies are
copied without ``SECURITY DEFINER``.

The figure is the processor time of the Postgres backend for one execution, planning and protocol included, in
microseconds, as the kernel counts it: the best of many short rounds, in turns.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import psycopg
from sqlalchemy import event

from benchmarks.search_corpus import MODEL, Ask, Corpus, Tenant, indexed_at_the_end, make_corpus
from benchmarks.servers import Bench, started
from resources.database import _ENTER_BY, AppDatabase, IdentityDatabase
from resources.organisations import issue_api_key
from resources.schema import metadata
from resources.schema.security import APP_ROLE, AUDIENCES, DEFINER_FUNCTIONS, ORG, USER, policies
from resources.telemetry import configure_logging

CHUNKS = 100_000
_ROUNDS = 25
_EXECUTIONS = 12
_WARM = 8
"""Executions before the first round: after five, psycopg prepares a statement, and Postgres settles on its plan."""

_FIRST = ("membership", "connection")
"""Other tables' predicates ask these, so their views are made first."""

# Documents have dates; a block a chunk; an object with its evidence for every tenth; jobs of the one connection.
_CONTENT = """
UPDATE record SET occurred_at = now() - make_interval(hours => abs(hashtext(id::text) % 20000));
INSERT INTO block (document_id, ordinal, org_id, audience_id, kind, start, "end", page)
SELECT document_id, ordinal, org_id, audience_id, 'paragraph', start, "end", 1 FROM chunk;
INSERT INTO intelligence_object (id, org_id, audience_id, kind, text, confidence, document_id, extractor_version)
SELECT id, org_id, audience_id, (ARRAY['commitment', 'decision', 'risk'])[1 + ordinal % 3], left(text, 60), 0.9,
       document_id, 'bench'
FROM chunk WHERE ordinal % 10 = 0;
INSERT INTO evidence (id, org_id, audience_id, object_id, document_id, chunk_id, quote, start, "end", page)
SELECT id, org_id, audience_id, id, document_id, id, left(text, 60), 0, char_length(left(text, 60)), 1
FROM chunk WHERE ordinal % 10 = 0;
INSERT INTO job (org_id, connection_id, kind, idempotency_key, status)
SELECT org_id, id, 'sync', n::text, 'succeeded' FROM connection, generate_series(1, 200) AS n
"""


@dataclass(frozen=True, slots=True)
class Query:
    """One statement as the API sent it, and the operation that did."""

    name: str
    text: str
    parameters: Any


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """The full size, and a tenth of it before."""
    largest = n or CHUNKS
    for size in (largest // 10, largest):
        yield from _run(size)


def _run(size: int) -> Iterator[dict[str, Any]]:
    with (
        started() as bench,
        psycopg.connect(bench.server.url(role="superuser"), autocommit=True) as administrator,
    ):
        with indexed_at_the_end(administrator):
            corpus = make_corpus(bench.database, size)
        administrator.execute(_CONTENT.encode())  # one transaction: an object without evidence is refused
        administrator.execute("VACUUM ANALYZE")
        (ask,) = corpus.questions(1)
        tenant = corpus.tenants[ask.tenant]
        queries = _sent(bench, corpus, ask)
        with _ruled(bench, tenant) as ours, _bare(bench, tenant) as bare:
            for query in queries:
                mine, peer = _measured(query, ours, bare)
                yield {
                    "name": f"rls/{query.name}",
                    "ours": round(mine, 1),
                    "peer": round(peer, 1),
                    "ratio": round(peer / mine, 3),
                    "unit": "cpu_us",
                    "n": size,
                }


def _sent(bench: Bench, corpus: Corpus, ask: Ask) -> list[Query]:
    """What a request of each reading operation makes the API send; a statement that several send counts once."""
    from starlette.testclient import TestClient

    from drovi_api.app import create_app
    from drovi_api.runtime import ApiRuntime
    from resources.master_keys import MasterKeys
    from resources.object_store import FolderStore
    from resources.secret_file import SecretFile
    from resources.secrets import SecretBox

    configure_logging(service="api", stream=Path(os.devnull).open("w"))  # noqa: SIM115 - for the process's life
    urls = bench.server.urls()
    tenant = corpus.tenants[ask.tenant]
    key = issue_api_key(bench.database, tenant.caller, "bench")
    app, identity = AppDatabase(urls.app), IdentityDatabase(urls.identity)
    secrets, objects = SecretBox(MasterKeys(SecretFile(bench.home))), FolderStore(bench.home / "objects")
    sent: dict[str, Query] = {}
    operation = ""

    class Noting(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **how: Any) -> Self:
            if query not in _ENTER_BY.values():
                ordinal = sum(one.name.partition("#")[0] == operation for one in sent.values()) + 1
                sent.setdefault(query, Query(f"{operation}#{ordinal}", query, params))
            return super().execute(query, params, **how)

    def listen(driver: psycopg.Connection[Any], *_: Any) -> None:
        driver.cursor_factory = Noting

    runtime = ApiRuntime(
        database=app, identity=identity, embedder=_Given(ask), secrets=secrets, objects=objects
    )
    try:
        with TestClient(create_app(runtime), headers={"Authorization": f"Bearer {key}"}) as client:
            app.ping()  # what SQLAlchemy itself asks of its first connection is none of ours
            event.listen(app._engine, "checkout", listen)  # noqa: SLF001 - what is sent is the question
            for operation, method, path, body in _requests(bench, tenant, ask):  # noqa: B007 - read by Noting
                answer = client.request(method, f"/api/v1{path}", json=body)
                if answer.status_code != 200:
                    raise RuntimeError(f"{path}: {answer.text}")
    finally:
        app.close()
        identity.close()
    return list(sent.values())


def _requests(bench: Bench, tenant: Tenant, ask: Ask) -> Sequence[tuple[str, str, str, Any]]:
    with bench.database.organisation(tenant.caller.org_id) as session:
        one = session.exec_driver_sql(
            "SELECT d.id AS document, d.record_id AS item, r.connection_id AS connection, e.id AS evidence,"
            " (SELECT id FROM job WHERE org_id = e.org_id LIMIT 1) AS job"
            " FROM evidence e JOIN document d ON d.id = e.document_id JOIN record r ON r.id = d.record_id"
            " WHERE e.audience_id = %s LIMIT 1",
            (tenant.caller.audiences[0],),
        ).one()
    return (
        ("me", "GET", "/auth/me", None),
        ("connections", "GET", "/connections", None),
        ("connection", "GET", f"/connections/{one.connection}", None),
        ("items", "GET", "/items", None),
        ("items_of_connection", "GET", f"/items?connection_id={one.connection}", None),
        ("item", "GET", f"/items/{one.item}", None),
        ("document", "GET", f"/documents/{one.document}", None),
        ("blocks", "GET", f"/documents/{one.document}/blocks", None),
        ("objects", "GET", "/objects", None),
        ("objects_of_kind", "GET", "/objects?kind=decision", None),
        ("objects_of_document", "GET", f"/objects?document_id={one.document}", None),
        ("object", "GET", f"/objects/{one.evidence}", None),
        ("evidence", "GET", f"/evidence/{one.evidence}", None),
        ("citation", "GET", f"/evidence/{one.evidence}:0-10", None),
        ("jobs", "GET", "/jobs", None),
        ("jobs_of_connection", "GET", f"/jobs?connection_id={one.connection}", None),
        ("job", "GET", f"/jobs/{one.job}", None),
        ("find", "POST", "/find", {"query": ask.text}),
        ("find_documents", "POST", "/find", {"query": ask.text, "kinds": ["document"]}),
        ("ask", "POST", "/ask", {"question": ask.text}),
    )


class _Given:
    """An embedder that answers every text with the question's vector."""

    model_id = MODEL

    def __init__(self, ask: Ask) -> None:
        self._vector = ask.vector

    def encode(self, texts: Sequence[str]) -> Any:
        return np.repeat(self._vector[None, :], len(texts), axis=0)


@contextmanager
def _ruled(bench: Bench, tenant: Tenant) -> Iterator[psycopg.Connection[Any]]:
    """As the API: the application's role, held back by policies."""
    with psycopg.connect(bench.server.urls().app, autocommit=True) as connection:
        _enter(connection, tenant)
        yield connection


@contextmanager
def _bare(bench: Bench, tenant: Tenant) -> Iterator[psycopg.Connection[Any]]:
    """As a superuser, on views that say who is asking themselves."""
    with psycopg.connect(bench.server.url(role="superuser"), autocommit=True) as connection:
        _enter(connection, tenant)
        for name in (*_FIRST, *(one for one in metadata.tables if one not in _FIRST)):
            for policy in policies(metadata.tables[name]):
                if policy.role == APP_ROLE:
                    predicate = _written_out(policy.predicate, tenant)
                    view = f"CREATE TEMP VIEW {name} AS SELECT * FROM public.{name} WHERE {predicate}"
                    connection.execute(view.encode())
        connection.execute("CREATE SCHEMA bare")
        for name in DEFINER_FUNCTIONS:
            (body,) = connection.execute("SELECT pg_get_functiondef(%s::regproc)", [name]).fetchone() or ("",)
            copied = re.sub(rf"FUNCTION public\.{name}", f"FUNCTION bare.{name}", body, count=1)
            copied = copied.replace("SECURITY DEFINER", "").replace("'public', 'pg_temp'", "'bare', 'public'")
            connection.execute(copied.encode())
        connection.execute("SET search_path = pg_temp, bare, public")
        yield connection


def _enter(connection: psycopg.Connection[Any], tenant: Tenant) -> None:
    settings = {
        "org_id": str(tenant.caller.org_id),
        "user_id": str(tenant.caller.user_id),
        "audiences": _array(tenant),
    }
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", [f"drovi.{name}", value])


def _array(tenant: Tenant) -> str:
    return "{" + ",".join(map(str, tenant.caller.audiences)) + "}"


def _written_out(predicate: str, tenant: Tenant) -> str:
    values: Mapping[str, str] = {
        AUDIENCES: f"'{_array(tenant)}'::uuid[]",
        ORG: f"'{tenant.caller.org_id}'::uuid",
        USER: f"'{tenant.caller.user_id}'::uuid",
    }
    for setting, value in values.items():
        predicate = predicate.replace(setting, value)
    return predicate


def _measured(query: Query, *sides: psycopg.Connection[Any]) -> list[float]:
    """Microseconds of processor time an execution, side by side."""
    for side in sides:
        for _ in range(_WARM):
            side.execute(query.text.encode(), query.parameters).fetchall()
    best = [float("inf")] * len(sides)
    for _ in range(_ROUNDS):
        for place, side in enumerate(sides):
            before = _processor(side)
            for _ in range(_EXECUTIONS):
                side.execute(query.text.encode(), query.parameters).fetchall()
            best[place] = min(best[place], (_processor(side) - before) / _EXECUTIONS)
    return best


def _processor(connection: psycopg.Connection[Any]) -> float:
    """Microseconds that a connection's backend has had a processor for."""
    schedule = Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text(encoding="ascii")
    return int(schedule.split()[0]) / 1000
