"""The rows that checks judge: one small row for each document, object or chunk, its faults counted in SQL."""

# ruff: noqa: S608 - the queries are put together from this module's own constants; values are bound

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, select, text

from resources.database import WorkerDatabase
from resources.schema import connection as connection_table

MOST = 20_000
"""Rows of one connection that a check without partitions reads, newest first; Great Expectations takes 0.1 s for them."""

_OF_SCOPE: Final = """
    JOIN record r ON r.id = d.record_id
    JOIN source_item s ON s.id = r.source_item_id
    WHERE s.connection_id = :connection_id AND (:window = '' OR s.window = :window)
      AND s.superseded_at IS NULL AND d.superseded_at IS NULL
"""
QUERIES: Final = {
    "documents": rf"""
        SELECT d.id::text, d.status,
               CASE WHEN d.status = 'refused' THEN char_length(d.reason) END AS reason_length_of_refused,
               (SELECT count(*) FROM block b WHERE b.document_id = d.id
                AND (b.start < 0 OR b."end" > char_length(d.text))) AS blocks_outside_text,
               (SELECT count(*) FROM chunk c WHERE c.document_id = d.id
                AND substr(d.text, c.start + 1, c."end" - c.start) <> c.text) AS chunks_unlike_text,
               (d.text <> '' AND NOT EXISTS (SELECT FROM chunk c WHERE c.document_id = d.id))::int
                   AS text_without_chunks,
               coalesce((SELECT max(cardinality(regexp_split_to_array(c.text, '\s+'))) FROM chunk c
                WHERE c.document_id = d.id), 0) AS longest_chunk
        FROM document d {_OF_SCOPE} ORDER BY d.id LIMIT :most
    """,
    "objects": f"""
        SELECT o.id::text, o.kind, o.confidence,
               (SELECT count(*) FROM evidence e WHERE e.object_id = o.id) AS evidence,
               (SELECT count(*) FROM evidence e WHERE e.object_id = o.id
                AND substr(d.text, e.start + 1, e."end" - e.start) <> e.quote) AS quotes_unlike_text,
               (o.audience_id <> d.audience_id)::int AS wider_than_evidence
        FROM intelligence_object o JOIN document d ON d.id = o.document_id {_OF_SCOPE}
          AND o.superseded_at IS NULL ORDER BY o.id LIMIT :most
    """,
    "index": f"""
        SELECT c.id::text, i.model, vector_dims(i.embedding) AS dimensions, l2_norm(i.embedding) AS norm,
               coalesce((cardinality(i.terms) <> cardinality(i.frequencies))::int, 0) AS terms_without_frequency,
               coalesce((i.audience_id <> c.audience_id)::int, 0) AS wider_than_chunk
        FROM chunk c JOIN document d ON d.id = c.document_id
        LEFT JOIN chunk_index i ON i.chunk_id = c.id {_OF_SCOPE} ORDER BY c.id LIMIT :most
    """,
}
_REFUSED: Final = f"SELECT d.path, d.reason FROM document d {_OF_SCOPE} AND d.status = 'refused' ORDER BY d.path LIMIT :most"
_UNDERIVED: Final = """
    SELECT s.provider_id AS path, 'It failed inside Drovi.' AS reason FROM source_item s
    WHERE s.connection_id = :connection_id AND (:window = '' OR s.window = :window)
      AND s.superseded_at IS NULL AND s.processed_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM record r WHERE r.source_item_id = s.id)
    ORDER BY s.provider_id LIMIT :most
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a check looks at: one connection's items, of one window or (empty) of all."""

    org_id: UUID
    connection_id: UUID
    window: str = ""


def scopes_of(database: WorkerDatabase, connector: str) -> list[Scope]:
    """Every connection of a connector, whole."""
    with database.dispatch() as connection:
        rows = connection.execute(
            select(connection_table.c.org_id, connection_table.c.id)
            .where(connection_table.c.connector == connector)
            .order_by(connection_table.c.id)
        )
        return [Scope(row.org_id, row.id) for row in rows]


def scope_of(database: WorkerDatabase, connection_id: UUID, window: str) -> list[Scope]:
    """One partition; empty where its connection is gone."""
    with database.dispatch() as connection:
        org_id = connection.execute(
            select(connection_table.c.org_id).where(connection_table.c.id == connection_id)
        ).scalar_one_or_none()
    return [] if org_id is None else [Scope(org_id, connection_id, window)]


def fetch(database: WorkerDatabase, query: str, scopes: Sequence[Scope]) -> list[dict[str, Any]]:
    """The rows of a query of this module over the scopes, each inside its own organisation."""
    return [dict(row) for scope in scopes for row in _rows(database, query, scope)]


def standing_failures(database: WorkerDatabase, scopes: Sequence[Scope]) -> list[dict[str, Any]]:
    """``path`` and ``reason`` of all that was refused, or failed inside Drovi, and still stands."""
    return fetch(database, _REFUSED, scopes) + fetch(database, _UNDERIVED, scopes)


def _rows(database: WorkerDatabase, query: str, scope: Scope) -> Iterator[RowMapping]:
    values = {"connection_id": scope.connection_id, "window": scope.window, "most": MOST}
    with database.organisation(scope.org_id) as connection:
        yield from _mappings(connection, query, values)


def _mappings(connection: Connection, query: str, values: dict[str, Any]) -> Sequence[RowMapping]:
    return connection.execute(text(query), values).mappings().all()
