"""Search at scale: 20 organisations of very different sizes, three audiences each, the caller in two of them.

Latency and recall are measured together, through the product's own search path and role, under the caller's audience
filter. Peers answer the same questions with the same filter and without row-level security: brute force over the
vectors alone, and Postgres' own full-text search alone (``websearch_to_tsquery`` and ``ts_rank``).

``cpu_ms`` is the processor time of a search, ours and the server's, which a busy machine does not change.

Vectors are clustered around topics that belong to an organisation, words are Zipf-distributed; both come from a fixed
seed. A question's words and vector come from a chunk that the caller may see.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from sqlalchemy import Connection

from benchmarks.search_corpus import MODEL, Ask, Corpus, Tenant, indexed_at_the_end, make_corpus
from benchmarks.servers import Bench, own_seconds, server_seconds, started
from drovi_assets.retrieval.search import prepare_with, rows
from resources.database import AppDatabase

CHUNKS = 100_000
QUERIES = 200
_WARM = 20
TOP = 10

_SEMANTIC = "SELECT chunk_id FROM search_semantic(%s::halfvec, %s, %s)"
_LEXICAL = "SELECT chunk_id, score FROM search_lexical(%s::integer[], %s::integer[], %s)"

# The planner would take the approximate index, or ours that covers the vectors: neither is brute force.
_PEER_SETTINGS = "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET jit = off"
_BRUTE_FORCE = """
SELECT chunk_id FROM chunk_index WHERE org_id = %s AND audience_id = ANY (%s) ORDER BY embedding <#> %s::halfvec LIMIT 10
"""
_FULL_TEXT = """
SELECT chunk_id FROM peer_text, websearch_to_tsquery('english', %s) AS query
WHERE org_id = %s AND audience_id = ANY (%s) AND words @@ query ORDER BY ts_rank(words, query) DESC LIMIT 10
"""
_PEER_TABLE = """
CREATE TABLE peer_text AS
SELECT c.id AS chunk_id, c.org_id, c.audience_id, to_tsvector('english', c.text) AS words FROM chunk c;
CREATE INDEX ON peer_text USING gin (words);
CREATE INDEX ON peer_text (org_id, audience_id);
VACUUM ANALYZE peer_text
"""


@dataclass(frozen=True, slots=True)
class _Measured:
    """Milliseconds of every question, ascending, and what was found, in the order of the questions."""

    milliseconds: Sequence[float]
    found: Sequence[Any]

    def percentile(self, share: float) -> float:
        return self.milliseconds[min(len(self.milliseconds) - 1, int(share * len(self.milliseconds)))]


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """The full size, and a tenth of it before, to show how the time grows."""
    largest = n or CHUNKS
    for size in (largest // 10, largest):
        yield from _run(size)


def _run(size: int) -> Iterable[dict[str, Any]]:
    with started() as bench, psycopg.connect(bench.server.url(role="superuser"), autocommit=True) as peer:
        with indexed_at_the_end(peer):
            corpus = make_corpus(bench.database, size)
        for table in ("chunk_index", "chunk", "document", "record", "term_stat", "chunk_stat"):
            peer.execute(f"VACUUM ANALYZE {table}")
        for statement in _PEER_TABLE.split(";") + _PEER_SETTINGS.split(";"):
            peer.execute(statement)
        asks = corpus.questions(QUERIES)
        ours, cpu = _ours(bench, corpus, asks)
        brute = _measure(asks, lambda ask: _peer(peer, _BRUTE_FORCE, _brute_parameters(corpus, ask)))
        full_text = _measure(asks, lambda ask: _peer(peer, _FULL_TEXT, _text_parameters(corpus, ask)))
        semantic, lexical = _recalls(bench, corpus, asks)
    extra = {
        "p50_ms": round(ours.percentile(0.5), 2),
        "p95_ms": round(ours.percentile(0.95), 2),
        "cpu_ms": round(cpu * 1000, 1),
        "recall_at_10": round(semantic, 4),
        "lexical_recall_at_10": round(lexical, 4),
    }
    for name, theirs in (("exact_scan", brute), ("ts_rank", full_text)):
        yield {
            "name": f"search/{name}",
            "ours": round(ours.percentile(0.95), 2),
            "peer": round(theirs.percentile(0.95), 2),
            "ratio": round(theirs.percentile(0.95) / ours.percentile(0.95), 3),
            "unit": "ms_p95",
            "n": size,
            **extra,
        }


def _ours(bench: Bench, corpus: Corpus, asks: Sequence[Ask]) -> tuple[_Measured, float]:
    """The whole of a search but the embedding of its question: analysis, both sides, fusion, the rows shown.

    And the processor seconds of one, counted while the connection that worked is still open.
    """
    app = AppDatabase(bench.server.urls().app)

    def search(ask: Ask) -> Any:
        tenant = corpus.tenants[ask.tenant]
        with app.acting_as(tenant.caller) as connection:
            query = prepare_with(tenant.caller.org_id, ask.text, ask.vector[None, :], MODEL)
            return rows(connection, query, limit=TOP)

    try:
        before = server_seconds(bench.server) + own_seconds()
        measured = _measure(asks, search)
        spent = server_seconds(bench.server) + own_seconds() - before
        return measured, spent / (len(asks) + _WARM)
    finally:
        app.close()


def _measure(asks: Sequence[Ask], search: Callable[[Ask], Any]) -> _Measured:
    for ask in asks[:_WARM]:
        search(ask)  # connections, plans and pages are warm, as on a running platform
    spent: list[float] = []
    found: list[Any] = []
    for ask in asks:
        begin = time.perf_counter()
        found.append(search(ask))
        spent.append((time.perf_counter() - begin) * 1000)
    return _Measured(sorted(spent), found)


def _peer(connection: psycopg.Connection[Any], statement: str, parameters: Sequence[Any]) -> list[Any]:
    return connection.cursor(row_factory=tuple_row).execute(statement, parameters).fetchall()


def _brute_parameters(corpus: Corpus, ask: Ask) -> Sequence[Any]:
    tenant = corpus.tenants[ask.tenant]
    query = prepare_with(tenant.caller.org_id, "", ask.vector[None, :], MODEL)
    return tenant.caller.org_id, list(tenant.caller.audiences), query.vector


def _text_parameters(corpus: Corpus, ask: Ask) -> Sequence[Any]:
    tenant = corpus.tenants[ask.tenant]
    return " or ".join(ask.text.split()), tenant.caller.org_id, list(tenant.caller.audiences)


def _recalls(bench: Bench, corpus: Corpus, asks: Sequence[Ask]) -> tuple[float, float]:
    """Recall@10 of each side against the exact answer under the same filter, computed outside the database."""
    app = AppDatabase(bench.server.urls().app)
    semantic: list[float] = []
    lexical: list[float] = []
    try:
        for ask in asks:
            tenant = corpus.tenants[ask.tenant]
            with app.acting_as(tenant.caller) as connection:
                semantic.append(_semantic_recall(connection, tenant, ask))
                lexical.append(_lexical_recall(connection, tenant, ask))
    finally:
        app.close()
    return sum(semantic) / len(semantic), sum(lexical) / len(lexical)


def _semantic_recall(connection: Connection, tenant: Tenant, ask: Ask) -> float:
    query = prepare_with(tenant.caller.org_id, ask.text, ask.vector[None, :], MODEL)
    found = connection.exec_driver_sql(_SEMANTIC, (query.vector, MODEL, TOP)).scalars()
    exact = tenant.nearest(ask.vector, TOP)
    return len(exact & set(found)) / max(1, len(exact))


def _lexical_recall(connection: Connection, tenant: Tenant, ask: Ask) -> float:
    """Chunks that score as high as the exact tenth count as found: equals have no order."""
    query = prepare_with(tenant.caller.org_id, ask.text, ask.vector[None, :], MODEL)
    found = connection.exec_driver_sql(_LEXICAL, (list(query.hashes), list(query.words), TOP)).all()
    exact = tenant.best_scores(ask.text, TOP)
    return sum(row.score >= exact[-1] - 1e-4 for row in found) / len(exact) if exact else 1.0
