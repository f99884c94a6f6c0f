"""Chunks into the index: their terms, their vector, and the statistics that BM25 weighs them with.

Indexing the same chunks twice changes nothing. What is written is a function of the chunk and of the embedding model,
so a replay writes the same bytes.

Writers of one organisation take turns, behind an advisory lock that is held to the end of the transaction: they would
meet at the statistics of its common words in any case, and in an order of their own each. Vectors are computed before
the lock is asked for.
"""

# ruff: noqa: S608 - statements are joined from this module's own constants, and every value is a bound parameter

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from drovi_assets.retrieval.analysis import TermHasher, analyse, hasher
from resources.embedder import TextEmbedder
from resources.errors import InvariantBroken
from resources.schema.content import EMBEDDING_DIMENSIONS

CONTEXT_WEIGHT = 2
"""How often a word of the title or heading counts; 2 found the right file most often of 0, 1, 2 and 3."""

_MAXIMAL_FREQUENCY = 2**15 - 1
_LOCK = 0x74726D73  # "trms" in ASCII: this room's advisory locks, one an organisation

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """A chunk to be found: its own words, and the title and headings it stands under.

    ``context`` is found and embedded with the text: a paragraph on "the notice period" rarely names the
    contract it belongs to.
    """

    chunk_id: UUID
    audience_id: UUID
    text: str
    context: tuple[str, ...] = ()
    language: str = ""

    def embedded(self) -> str:
        """The text that the vector stands for."""
        return "\n".join((*filter(None, self.context), self.text))


def index_chunks(
    connection: Connection, org_id: UUID, rows: Sequence[IndexedChunk], embedder: TextEmbedder
) -> int:
    """Put ``rows`` into the index of an organisation, in the caller's (worker) transaction.

    A chunk that is there under the same model keeps its row; its audience follows ``rows``. Returns how many chunks
    were written.
    """
    known = _known(connection, [row.chunk_id for row in rows])
    fresh = [row for row in rows if known.get(row.chunk_id, ("", None))[0] != embedder.model_id]
    vectors = _vectors(fresh, embedder)
    _take_turn(connection, org_id)
    _remove(connection, org_id, "i.chunk_id = ANY (:ids)", [r.chunk_id for r in fresh if r.chunk_id in known])
    _follow_audiences(connection, org_id, {r.chunk_id: r.audience_id for r in rows if r.chunk_id in known})
    if not fresh:
        return 0
    _stage(connection, _index_rows(org_id, fresh, vectors, embedder.model_id))
    written: int = connection.execute(_INSERT).scalar_one()
    return written


def forget(connection: Connection, org_id: UUID, document_ids: Collection[UUID]) -> int:
    """Take every chunk of ``document_ids`` out of the index and of the statistics. Call it before the chunks go.

    Returns how many chunks were removed.
    """
    return _remove(
        connection,
        org_id,
        "EXISTS (SELECT FROM chunk c WHERE c.id = i.chunk_id AND c.document_id = ANY (:ids))",
        document_ids,
    )


def follow(connection: Connection, org_id: UUID, document_ids: Collection[UUID]) -> None:
    """Give the chunks of ``document_ids`` the audiences in the index that they have themselves, statistics included."""
    rows = connection.execute(
        text("SELECT id, audience_id FROM chunk WHERE org_id = :org_id AND document_id = ANY (:ids)"),
        {"org_id": org_id, "ids": list(document_ids)},
    )
    audience_of = {row.id: row.audience_id for row in rows}
    if audience_of:
        _take_turn(connection, org_id)
        _follow_audiences(connection, org_id, audience_of)


def recount(connection: Connection, org_id: UUID) -> None:
    """Count an organisation's statistics again from its index, after chunks went without :func:`forget`."""
    _take_turn(connection, org_id)
    for statement in _RECOUNT:
        connection.execute(text(statement), {"org_id": org_id})


def _take_turn(connection: Connection, org_id: UUID) -> None:
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:room, :organisation)"),
        {"room": _LOCK, "organisation": hasher(org_id)("")},
    )


def _vectors(rows: Sequence[IndexedChunk], embedder: TextEmbedder) -> Vectors:
    if not rows:
        return np.empty((0, EMBEDDING_DIMENSIONS), dtype=np.float32)
    vectors = embedder.encode([row.embedded() for row in rows])
    if vectors.shape != (len(rows), EMBEDDING_DIMENSIONS):
        raise InvariantBroken(f"The embedder answered {vectors.shape} for {len(rows)} texts.")
    return vectors


def _known(connection: Connection, chunk_ids: list[UUID]) -> dict[UUID, tuple[str, UUID]]:
    rows = connection.execute(
        text("SELECT chunk_id, model, audience_id FROM chunk_index WHERE chunk_id = ANY (:ids)"),
        {"ids": chunk_ids},
    )
    return {row.chunk_id: (row.model, row.audience_id) for row in rows}


def _index_rows(
    org_id: UUID, rows: Iterable[IndexedChunk], vectors: Vectors, model: str
) -> Iterator[tuple[Any, ...]]:
    hash_term = hasher(org_id)
    for row, vector in zip(rows, vectors, strict=True):
        terms, frequencies = _postings(row, hash_term)
        yield (
            row.chunk_id,
            org_id,
            row.audience_id,
            terms,
            frequencies,
            sum(frequencies),
            _halfvec(vector),
            model,
        )


def _postings(row: IndexedChunk, hash_term: TermHasher) -> tuple[list[int], list[int]]:
    """Hashed terms in ascending order, and how often each stands there."""
    counts = analyse(row.text, row.language)
    for context in row.context:
        for term, count in analyse(context, row.language).items():
            counts[term] += count * CONTEXT_WEIGHT
    hashed: dict[int, int] = {}
    for term, count in counts.items():
        key = hash_term(term)
        hashed[key] = min(hashed.get(key, 0) + count, _MAXIMAL_FREQUENCY)
    terms = sorted(hashed)
    return terms, [hashed[term] for term in terms]


def _halfvec(vector: npt.NDArray[np.float32]) -> bytes:
    """The binary form of pgvector: dimensions and a reserved zero as int16, then the halves, big-endian."""
    return struct.pack(">HH", EMBEDDING_DIMENSIONS, 0) + vector.astype(">f2").tobytes()


def _stage(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    connection.execute(text(_STAGING))
    connection.execute(text("TRUNCATE pg_temp.chunk_index_staged"))
    driver: Any = connection.connection.driver_connection
    with (
        driver.cursor() as cursor,
        cursor.copy("COPY pg_temp.chunk_index_staged FROM STDIN (FORMAT binary)") as copy,
    ):
        # A halfvec is written as the bytes of its binary form: psycopg knows no such type, and need not.
        copy.set_types(["uuid", "uuid", "uuid", "int4[]", "int2[]", "int4", "bytea", "text"])
        for row in rows:
            copy.write_row(row)


def _remove(connection: Connection, org_id: UUID, which: str, ids: Collection[UUID]) -> int:
    if not ids:
        return 0
    _take_turn(connection, org_id)
    row = connection.execute(text(_REMOVE.format(which=which)), {"org_id": org_id, "ids": list(ids)}).one()
    connection.execute(text(_DROP_ZEROES), {"org_id": org_id, "terms": row.emptied or []})
    removed: int = row.removed
    return removed


def _follow_audiences(connection: Connection, org_id: UUID, audience_of: dict[UUID, UUID]) -> None:
    """Move chunks whose readers changed, and what the statistics count of them."""
    if audience_of:
        parameters = {"org_id": org_id, "ids": list(audience_of), "audiences": list(audience_of.values())}
        emptied = connection.execute(text(_MOVE), parameters).scalar_one()
        connection.execute(text(_DROP_ZEROES), {"org_id": org_id, "terms": emptied or []})


_STAGING = """
CREATE TEMPORARY TABLE IF NOT EXISTS chunk_index_staged AS
SELECT chunk_id, org_id, audience_id, terms, frequencies, length, embedding, model FROM chunk_index WITH NO DATA
"""

_COUNT_TERMS = """
INSERT INTO term_stat AS s (org_id, term, audience_id, chunks)
SELECT c.org_id, t.term, c.audience_id, sum(c.chunks)
FROM ({changes}) AS c (org_id, audience_id, terms, chunks), unnest(c.terms) AS t (term)
GROUP BY c.org_id, t.term, c.audience_id ORDER BY c.org_id, t.term, c.audience_id
ON CONFLICT (org_id, term, audience_id) DO UPDATE SET chunks = s.chunks + excluded.chunks
RETURNING s.term, s.chunks
"""

_COUNT_CHUNKS = """
INSERT INTO chunk_stat AS s (org_id, audience_id, chunks, terms)
SELECT org_id, audience_id, sum(chunks), sum(terms) FROM ({changes}) AS change (org_id, audience_id, chunks, terms)
GROUP BY org_id, audience_id ORDER BY audience_id
ON CONFLICT (audience_id) DO UPDATE SET chunks = s.chunks + excluded.chunks, terms = s.terms + excluded.terms
"""

_INSERT = text(f"""
WITH changed AS (
    INSERT INTO chunk_index (chunk_id, org_id, audience_id, terms, frequencies, length, embedding, model)
    SELECT chunk_id, org_id, audience_id, terms, frequencies, length, embedding, model
    FROM pg_temp.chunk_index_staged ORDER BY chunk_id
    ON CONFLICT (chunk_id) DO NOTHING
    RETURNING org_id, audience_id, terms, length
), counted_terms AS ({_COUNT_TERMS.format(changes="SELECT org_id, audience_id, terms, 1 FROM changed")}
), counted_chunks AS ({_COUNT_CHUNKS.format(changes="SELECT org_id, audience_id, 1, length FROM changed")}
)
SELECT count(*) FROM changed
""")

_REMOVE = f"""
WITH locked AS (
    SELECT i.chunk_id FROM chunk_index i WHERE i.org_id = :org_id AND {{which}} ORDER BY i.chunk_id FOR UPDATE
), changed AS (
    DELETE FROM chunk_index i USING locked WHERE i.chunk_id = locked.chunk_id
    RETURNING i.org_id, i.audience_id, i.terms, i.length
), counted_terms AS ({_COUNT_TERMS.format(changes="SELECT org_id, audience_id, terms, -1 FROM changed")}
), counted_chunks AS ({_COUNT_CHUNKS.format(changes="SELECT org_id, audience_id, -1, -length FROM changed")}
)
SELECT (SELECT count(*) FROM changed) AS removed,
       (SELECT array_agg(term) FROM counted_terms WHERE chunks <= 0) AS emptied
"""

_DROP_ZEROES = """
WITH terms AS (DELETE FROM term_stat WHERE org_id = :org_id AND term = ANY (:terms) AND chunks <= 0)
DELETE FROM chunk_stat WHERE org_id = :org_id AND chunks <= 0
"""

_MOVE = f"""
WITH target AS (
    SELECT i.chunk_id, i.audience_id AS before, t.audience_id AS after
    FROM unnest(CAST(:ids AS uuid[]), CAST(:audiences AS uuid[])) AS t (chunk_id, audience_id)
    JOIN chunk_index i ON i.chunk_id = t.chunk_id AND i.org_id = :org_id AND i.audience_id <> t.audience_id
    ORDER BY i.chunk_id FOR UPDATE OF i
), changed AS (
    UPDATE chunk_index i SET audience_id = target.after FROM target WHERE i.chunk_id = target.chunk_id
    RETURNING i.org_id, target.before, target.after, i.terms, i.length
), counted_terms AS ({_COUNT_TERMS.format(changes="SELECT org_id, before, terms, -1 FROM changed UNION ALL SELECT org_id, after, terms, 1 FROM changed")}
), counted_chunks AS ({_COUNT_CHUNKS.format(changes="SELECT org_id, before, -1, -length FROM changed UNION ALL SELECT org_id, after, 1, length FROM changed")}
)
SELECT array_agg(term) AS emptied FROM counted_terms WHERE chunks <= 0
"""

_RECOUNT = (
    "DELETE FROM term_stat WHERE org_id = :org_id",
    "DELETE FROM chunk_stat WHERE org_id = :org_id",
    """
    INSERT INTO term_stat (org_id, term, audience_id, chunks) SELECT i.org_id, t.term, i.audience_id, count(*)
    FROM chunk_index i, unnest(i.terms) AS t (term) WHERE i.org_id = :org_id
    GROUP BY i.org_id, t.term, i.audience_id
    """,
    """
    INSERT INTO chunk_stat (org_id, audience_id, chunks, terms) SELECT org_id, audience_id, count(*), sum(length)
    FROM chunk_index WHERE org_id = :org_id GROUP BY org_id, audience_id
    """,
)
