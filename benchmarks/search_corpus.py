"""The corpus of the search benchmark: made from a seed, written through the product's own index."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
from sqlalchemy import Connection, insert

from drovi_assets.retrieval.analysis import analyse, query_terms
from drovi_assets.retrieval.index import IndexedChunk, index_chunks
from resources import audiences
from resources.database import WorkerDatabase
from resources.hashing import derive_id
from resources.organisations import ensure_organisation
from resources.schema import chunk, connection, document, record, source_item
from resources.tenancy import Principal

MODEL = "synthetic"
ORGANISATIONS = 20
AUDIENCE_SHARES = (0.6, 0.25, 0.15)
"""Everyone's, the caller's own, and one the caller is not in."""

_DIMENSIONS = 384
_VOCABULARY = 60_000
_CHUNKS_A_TOPIC = 50
_CHUNKS_A_DOCUMENT = 20
_BATCH = 2_000
_APPROXIMATE = "ix_chunk_index_embedding"
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu")

Floats = npt.NDArray[np.float32]


@dataclass(slots=True)
class Tenant:
    """An organisation as the benchmark knows it, outside the database; positions run over its own chunks."""

    caller: Principal
    ids: list[UUID]
    vectors: Floats
    visible: npt.NDArray[np.bool_]
    texts: list[str]
    postings: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    lengths: dict[int, int] = field(default_factory=dict)

    def nearest(self, vector: Floats, count: int) -> set[UUID]:
        """The visible chunks of highest inner product, as the index stores vectors: in halves."""
        seen = np.flatnonzero(self.visible)
        products = self.vectors[seen].astype(np.float16).astype(np.float32) @ vector
        return {self.ids[seen[place]] for place in np.argsort(-products)[:count]}

    def best_scores(self, question: str, count: int) -> list[float]:
        """The highest BM25 shares of visible chunks, computed over every posting of theirs."""
        if not self.postings:
            self._invert()
        total = len(self.lengths)
        average = sum(self.lengths.values()) / total
        scores: defaultdict[int, float] = defaultdict(float)
        weight = 0.0
        for term in query_terms(question):
            counts: Counter[int] = Counter()
            for form in term.forms:
                counts.update(dict(self.postings.get(form, ())))
            idf = math.log(1 + (total - len(counts) + 0.5) / (len(counts) + 0.5))
            weight += idf
            for place, times in counts.items():
                scores[place] += idf * times / (times + 0.3 + 0.9 * self.lengths[place] / average)
        return sorted((score / weight for score in scores.values()), reverse=True)[:count]

    def _invert(self) -> None:
        for place in np.flatnonzero(self.visible).tolist():
            counts = analyse(self.texts[place], "en")
            self.lengths[place] = counts.total()
            for term, times in counts.items():
                self.postings.setdefault(term, []).append((place, times))


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to one organisation."""

    tenant: int
    text: str
    vector: Floats


@dataclass(frozen=True, slots=True)
class Corpus:
    """All organisations, and the source of chance that made them."""

    tenants: Sequence[Tenant]
    random: np.random.Generator

    def questions(self, count: int) -> list[Ask]:
        """As many to an organisation as it has chunks, in proportion: 2 to 6 words and a vector near a chunk's."""
        sizes = np.array([len(tenant.ids) for tenant in self.tenants])
        return [
            self._question(int(self.random.choice(len(sizes), p=sizes / sizes.sum()))) for _ in range(count)
        ]

    def _question(self, number: int) -> Ask:
        tenant = self.tenants[number]
        place = int(self.random.choice(np.flatnonzero(tenant.visible)))
        words = tenant.texts[place].split()
        picked = self.random.choice(
            words, size=min(len(words), int(self.random.integers(2, 7))), replace=False
        )
        noise = self.random.standard_normal(_DIMENSIONS).astype(np.float32)
        return Ask(number, " ".join(picked), _unit(tenant.vectors[place] + 0.5 * _unit(noise)))


@contextmanager
def indexed_at_the_end(administrator: psycopg.Connection[Any]) -> Iterator[None]:
    """The approximate index is built once over the finished table: row by row it takes longer than all the rest."""
    (definition,) = administrator.execute(
        f"SELECT pg_get_indexdef('{_APPROXIMATE}'::regclass)"
    ).fetchone() or ("",)
    administrator.execute(f"DROP INDEX {_APPROXIMATE}; SET maintenance_work_mem = '512MB'")
    yield
    administrator.execute(definition)


class _GivenVectors:
    """An embedder that hands out vectors made elsewhere."""

    model_id = MODEL

    def __init__(self, vectors: Floats) -> None:
        self._vectors = vectors

    def encode(self, texts: Sequence[str]) -> Floats:
        return self._vectors[: len(texts)]


def make_corpus(database: WorkerDatabase, size: int, organisations: int = ORGANISATIONS) -> Corpus:
    """Write ``size`` chunks; the organisation of rank r gets a share proportional to 1 / r."""
    random = np.random.default_rng(11)
    shares = 1 / np.arange(1, organisations + 1)
    counts = np.maximum(20, (size * shares / shares.sum()).astype(int))
    frequencies = 1 / (np.arange(60, _VOCABULARY + 60) ** 1.07)  # stop words are not in the index
    frequencies /= frequencies.sum()
    tenants = []
    for number, count in enumerate(counts.tolist()):
        caller = ensure_organisation(database, f"Firm {number}", f"owner@firm-{number}.example", "Owner")
        tenants.append(_write(database, caller, count, frequencies, random))
    return Corpus(tenants, random)


def _write(
    database: WorkerDatabase,
    caller: Principal,
    count: int,
    frequencies: npt.NDArray[np.float64],
    random: np.random.Generator,
) -> Tenant:
    org_id = caller.org_id
    with database.organisation(org_id) as session:
        own = audiences.of_members(session, org_id, [caller.user_id])
        nobody = audiences.of_members(session, org_id, [])
        everyone = audiences.of_organisation(session, org_id)
        documents = _documents(session, caller, everyone, math.ceil(count / _CHUNKS_A_DOCUMENT))
    which = random.choice(3, count, p=AUDIENCE_SHARES)
    topics = random.standard_normal((max(1, count // _CHUNKS_A_TOPIC), _DIMENSIONS)).astype(np.float32)
    noise = random.standard_normal((count, _DIMENSIONS)).astype(np.float32)
    vectors = _unit(topics[random.integers(0, len(topics), count)] + 0.9 * noise)
    lengths = np.clip(random.lognormal(4.5, 0.4, count).astype(int), 10, 300)
    texts = [
        " ".join(_word(int(number)) for number in random.choice(_VOCABULARY, length, p=frequencies))
        for length in lengths
    ]
    ids = [derive_id("bench", str(org_id), str(place)) for place in range(count)]
    for start in range(0, count, _BATCH):
        places = range(start, min(count, start + _BATCH))
        indexed = [
            IndexedChunk(ids[p], (everyone, own, nobody)[which[p]], texts[p], (), "en") for p in places
        ]
        with database.organisation(org_id) as session:
            session.execute(insert(chunk), list(_chunk_rows(org_id, indexed, documents, start)))
            index_chunks(session, org_id, indexed, _GivenVectors(vectors[start : start + _BATCH]))
    member = Principal(org_id, caller.user_id, caller.role, (everyone, own))
    return Tenant(member, ids, vectors, which < 2, texts)


def _chunk_rows(
    org_id: UUID, chunks: Sequence[IndexedChunk], documents: Sequence[UUID], first: int
) -> Iterator[dict[str, object]]:
    for place, one in enumerate(chunks, start=first):
        yield {
            "id": one.chunk_id,
            "org_id": org_id,
            "audience_id": one.audience_id,
            "document_id": documents[place // _CHUNKS_A_DOCUMENT],
            "ordinal": place,
            "start": 0,
            "end": len(one.text),
            "text": one.text,
        }


def _documents(session: Connection, caller: Principal, everyone: UUID, count: int) -> list[UUID]:
    """Documents for chunks to stand in; their own text plays no part in search."""
    shared = {"org_id": caller.org_id, "audience_id": everyone}
    made = session.execute(
        insert(connection)
        .values(**shared, owner_id=caller.user_id, connector="documents", name="bench")
        .returning(connection.c.id)
    ).scalar_one()
    ids = [derive_id("bench-document", str(caller.org_id), str(number)) for number in range(count)]
    item = {"connection_id": made, "stream": "files", "version": 1, "window": "2026", "payload": "{}"}
    session.execute(
        insert(source_item),
        [{**shared, **item, "id": one, "provider_id": str(one), "content_hash": one.bytes} for one in ids],
    )
    session.execute(
        insert(record),
        [
            {
                **shared,
                "id": one,
                "connection_id": made,
                "source_item_id": one,
                "kind": "document",
                "path": f"{one}.txt",
                "normaliser_version": "bench",
            }
            for one in ids
        ],
    )
    parsed = {
        "media_type": "text/plain",
        "language": "en",
        "bytes": 0,
        "status": "parsed",
        "parser_version": "bench",
    }
    session.execute(
        insert(document),
        [
            {**shared, **parsed, "id": one, "record_id": one, "path": f"{one}.txt", "digest": one.bytes}
            for one in ids
        ],
    )
    return ids


def _word(number: int) -> str:
    """A pronounceable word of its own for each number, which no stemmer shortens to another's."""
    letters = []
    while True:
        number, syllable = divmod(number, len(_SYLLABLES))
        letters.append(_SYLLABLES[syllable])
        if number == 0:
            return "x".join(letters) + "x"


def _unit(vectors: Floats) -> Floats:
    units: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return units
