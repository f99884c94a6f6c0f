"""Writes documents for retrieval tests the way the pipeline leaves them, without the pipeline."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, insert, text

from drovi_assets.intelligence.language import language
from drovi_assets.retrieval.analysis import analyse
from drovi_assets.retrieval.index import IndexedChunk, index_chunks
from resources.database import WorkerDatabase
from resources.hashing import derive_id
from resources.schema import (
    block,
    chunk,
    chunk_index,
    chunk_stat,
    connection,
    document,
    evidence,
    intelligence_object,
    record,
    source_item,
    term_stat,
)
from resources.tenancy import Principal


class WordVectors:
    """A model small enough for a test: texts that share words are near. Deterministic, 384-d, unit length."""

    model_id = "words/1"

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        rows = np.full((len(texts), 384), 1e-3, dtype=np.float32)
        for row, words in zip(rows, texts, strict=True):
            for term in analyse(words, language(words)):
                row[zlib.crc32(term.encode()) % 384] += 1
        units: npt.NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return units


@dataclass(frozen=True, slots=True)
class Written:
    """A document that was written, and the chunks to index."""

    document_id: UUID
    text: str
    chunks: tuple[IndexedChunk, ...]


def connect(database: WorkerDatabase, owner: Principal, audience_id: UUID, name: str = "files") -> UUID:
    """A connection for the documents to come from."""
    with database.organisation(owner.org_id) as session:
        made: UUID = session.execute(
            insert(connection)
            .values(
                org_id=owner.org_id,
                owner_id=owner.user_id,
                connector="documents",
                name=name,
                audience_id=audience_id,
            )
            .returning(connection.c.id)
        ).scalar_one()
    return made


def write(
    session: Connection,
    org_id: UUID,
    connection_id: UUID,
    audience_id: UUID,
    *,
    path: str,
    paragraphs: Sequence[str],
    kind: str = "document",
) -> Written:
    """A document of one block and one chunk a paragraph."""
    one = derive_id("test", str(org_id), path)
    words = "\n\n".join(paragraphs)
    common = {"org_id": org_id, "audience_id": audience_id}
    session.execute(
        insert(source_item).values(
            id=one,
            connection_id=connection_id,
            stream="files",
            provider_id=path,
            content_hash=one.bytes,
            version=1,
            window="2026",
            payload="{}",
            **common,
        )
    )
    session.execute(
        insert(record).values(
            id=one,
            connection_id=connection_id,
            source_item_id=one,
            kind=kind,
            title=path,
            path=path,
            normaliser_version="1",
            **common,
        )
    )
    session.execute(
        insert(document).values(
            id=one,
            record_id=one,
            path=path,
            title=path,
            media_type="text/plain",
            language=language(words),
            bytes=len(words),
            status="parsed",
            text=words,
            parser_version="1",
            digest=one.bytes,
            **common,
        )
    )
    chunks = []
    at = 0
    for ordinal, paragraph in enumerate(paragraphs):
        chunk_id = derive_id("chunk", str(one), str(ordinal))
        span = {"start": at, "end": at + len(paragraph), "document_id": one, "ordinal": ordinal, "page": 1}
        session.execute(insert(chunk).values(id=chunk_id, text=paragraph, **span, **common))
        session.execute(insert(block).values(kind="paragraph", boxes=[[10, 20, 90, 40]], **span, **common))
        chunks.append(IndexedChunk(chunk_id, audience_id, paragraph, (path,), language(paragraph)))
        at += len(paragraph) + 2
    return Written(one, words, tuple(chunks))


def index(session: Connection, org_id: UUID, written: Written) -> int:
    """Index what was written."""
    return index_chunks(session, org_id, written.chunks, WordVectors())


def add_object(
    session: Connection, org_id: UUID, audience_id: UUID, source: Written, *, kind: str, quote: str
) -> UUID:
    """An intelligence object proved by ``quote``, which stands in ``source``."""
    start = source.text.index(quote)
    position = 0
    for one in source.chunks:
        if position <= start < position + len(one.text):
            break
        position += len(one.text) + 2
    made = derive_id("object", str(source.document_id), quote)
    common = {"org_id": org_id, "audience_id": audience_id, "document_id": source.document_id}
    session.execute(
        insert(intelligence_object).values(
            id=made, kind=kind, text=quote, confidence=0.9, extractor_version="1", **common
        )
    )
    session.execute(
        insert(evidence).values(
            id=derive_id("evidence", str(made)),
            object_id=made,
            chunk_id=one.chunk_id,
            quote=quote,
            start=start,
            end=start + len(quote),
            page=1,
            **common,
        )
    )
    return made


def index_rows(session: Connection) -> list[str]:
    """Every row of the index and its statistics, as text, in a stable order."""
    rows: list[str] = []
    for table in (chunk_index, term_stat, chunk_stat):
        statement = text(f"SELECT row_to_json(t)::text FROM {table.name} t")
        rows += session.execute(statement).scalars()
    return sorted(rows)
