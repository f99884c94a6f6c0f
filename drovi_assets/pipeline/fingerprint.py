"""One hash over everything derived from a partition: equal before and after a replay, or the replay found a change."""

# ruff: noqa: S608 - the statements are this module's own constants, and every value is a bound parameter

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from resources.hashing import digest

# When a row was written says when we learnt it, not what it says.
_CLOCKS: Final = "ARRAY['recorded_at', 'superseded_at', 'stale_since']"

_RECORDS: Final = (
    "SELECT r.id FROM record r JOIN source_item s ON s.id = r.source_item_id"
    " WHERE s.connection_id = :connection_id AND s.window = :window AND s.superseded_at IS NULL"
)
_DOCUMENTS: Final = f"SELECT d.id FROM document d WHERE d.record_id IN ({_RECORDS})"
_CHUNKS: Final = f"SELECT c.id FROM chunk c WHERE c.document_id IN ({_DOCUMENTS})"

_SCOPES: Final = {
    "record": f"t.id IN ({_RECORDS})",
    "document": f"t.id IN ({_DOCUMENTS})",
    "block": f"t.document_id IN ({_DOCUMENTS})",
    "chunk": f"t.id IN ({_CHUNKS})",
    "chunk_index": f"t.chunk_id IN ({_CHUNKS})",
    "intelligence_object": f"t.document_id IN ({_DOCUMENTS}) AND t.superseded_at IS NULL",
    "evidence": (
        f"t.document_id IN ({_DOCUMENTS})"
        " AND t.object_id IN (SELECT o.id FROM intelligence_object o WHERE o.superseded_at IS NULL)"
    ),
}


def fingerprint(connection: Connection, connection_id: UUID, window: str) -> str:
    """SHA-256, in hex, over every derived row of a partition: text, places, vectors, objects, evidence."""
    parts = []
    for table, scope in _SCOPES.items():
        query = text(
            f"SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM ("
            f"SELECT (to_jsonb(t) - {_CLOCKS})::text AS line FROM {table} t WHERE {scope}) lines"
        )
        found = connection.execute(query, {"connection_id": connection_id, "window": window}).scalar_one()
        parts.append(f"{table}:{found}")
    return digest(*parts).hex()
