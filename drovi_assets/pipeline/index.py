"""Stage 4: chunks to the search index."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, select

from drovi_assets.pipeline.runtime import Runtime
from drovi_assets.retrieval.index import IndexedChunk, index_chunks
from resources.schema import chunk, chunk_index, document

SLICE = 64
"""Chunks a transaction: some seconds of embedding, so that no long contract holds a transaction open for minutes."""


def write_index(runtime: Runtime, org_id: UUID, document_ids: Sequence[UUID]) -> int:
    """Index the documents' chunks that are not in the index yet; returns how many chunks the documents have."""
    with runtime.database.organisation(org_id) as connection:
        count, missing = _missing(connection, document_ids, runtime.embedder.model_id)
    for start in range(0, len(missing), SLICE):
        with runtime.database.organisation(org_id) as connection:
            index_chunks(connection, org_id, missing[start : start + SLICE], runtime.embedder)
    return count


def _missing(
    connection: Connection, document_ids: Sequence[UUID], model: str
) -> tuple[int, list[IndexedChunk]]:
    rows = connection.execute(
        select(
            chunk.c.id,
            chunk.c.audience_id,
            chunk.c.text,
            chunk.c.section,
            document.c.title,
            document.c.path,
            document.c.language,
            chunk_index.c.model,
        )
        .join(document, document.c.id == chunk.c.document_id)
        .join(chunk_index, chunk_index.c.chunk_id == chunk.c.id, isouter=True)
        .where(chunk.c.document_id.in_(document_ids), document.c.superseded_at.is_(None))
        .order_by(chunk.c.document_id, chunk.c.ordinal)
    ).all()
    return len(rows), [
        IndexedChunk(
            row.id, row.audience_id, row.text, (_name(row.title, row.path), row.section), row.language
        )
        for row in rows
        if row.model != model
    ]


def _name(title: str, path: str) -> str:
    """What a person would call the document: its title, and its file's name where that says more."""
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0].replace("_", " ").replace("-", " ")
    return title if stem.lower() in title.lower() else f"{title} {stem}"
