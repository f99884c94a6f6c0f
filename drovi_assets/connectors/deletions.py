"""Deletions: what is gone at the source goes here too, with everything derived from it, and leaves a receipt.

A tombstone and the removal are one transaction. Files cannot be part of it, so their digests stay on the
receipt as ``unpurged`` until ``purge`` has deleted them from the object store: a crash in between leaves
work to do, never a file that nobody knows of. The pipeline calls ``remove_derived`` as well, for
what an older version of an item left behind.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from drovi_assets.connectors import holds
from drovi_assets.connectors.contract import Gone
from drovi_assets.connectors.landing import LandingScope
from resources.database import WorkerDatabase
from resources.object_store import ObjectStore

Forget = Callable[[Connection, UUID, Collection[UUID]], object]
"""Takes an organisation's documents out of the search index and its statistics (``drovi_assets.retrieval``)."""

DERIVED = ("records", "documents", "blocks", "chunks", "vectors", "objects", "evidence")
"""What is counted of everything that was derived from an item."""

_BURY = text(
    """
    INSERT INTO tombstone AS known (org_id, connection_id, stream, provider_id, version)
    SELECT :org_id, :connection_id, :stream, provider_id, version - :grace
    FROM unnest(CAST(:ids AS text[]), CAST(:versions AS bigint[])) AS gone (provider_id, version)
    ON CONFLICT (connection_id, stream, provider_id) DO UPDATE
    SET version = excluded.version, deleted_at = now()
    WHERE known.version < excluded.version
    """
)
# All versions of an id go, unless its current one is newer than the deletion.
_BURIED = text(
    """
    SELECT item.id, item.provider_id, item.blob
    FROM source_item item
    JOIN unnest(CAST(:ids AS text[]), CAST(:versions AS bigint[])) AS gone (provider_id, version)
        ON item.provider_id = gone.provider_id
    WHERE item.connection_id = :connection_id AND item.stream = :stream AND NOT EXISTS (
        SELECT FROM source_item current
        WHERE current.connection_id = item.connection_id AND current.stream = item.stream
          AND current.provider_id = item.provider_id AND current.superseded_at IS NULL
          AND current.version > gone.version
    )
    """
)
_DOCUMENTS = text(
    """
    SELECT record.source_item_id, document.id, document.blob
    FROM record LEFT JOIN document ON document.record_id = record.id
    WHERE record.source_item_id = ANY (:items)
    """
)
_COUNTS = text(
    """
    WITH mine AS (
        SELECT record.source_item_id AS item, document.id
        FROM record JOIN document ON document.record_id = record.id
        WHERE record.source_item_id = ANY (:items)
    )
    SELECT 'records', source_item_id, count(*) FROM record WHERE source_item_id = ANY (:items) GROUP BY 2
    UNION ALL SELECT 'documents', item, count(*) FROM mine GROUP BY 2
    UNION ALL SELECT 'blocks', item, count(*) FROM mine JOIN block ON block.document_id = mine.id GROUP BY 2
    UNION ALL SELECT 'chunks', item, count(*) FROM mine JOIN chunk ON chunk.document_id = mine.id GROUP BY 2
    UNION ALL SELECT 'vectors', item, count(*) FROM mine JOIN chunk ON chunk.document_id = mine.id
        JOIN chunk_index ON chunk_index.chunk_id = chunk.id GROUP BY 2
    UNION ALL SELECT 'evidence', item, count(*) FROM mine JOIN evidence ON evidence.document_id = mine.id GROUP BY 2
    UNION ALL SELECT 'objects', item, count(DISTINCT evidence.object_id)
        FROM mine JOIN evidence ON evidence.document_id = mine.id GROUP BY 2
    """
)
# An object goes with any document that it was derived from, before the evidence that the database
# insists on; what other documents say of it is derived again from them.
_REMOVE_OBJECTS = text(
    "DELETE FROM intelligence_object WHERE document_id = ANY (:documents)"
    " OR id IN (SELECT object_id FROM evidence WHERE document_id = ANY (:documents))"
)
_REMOVE_RECORDS = text("DELETE FROM record WHERE source_item_id = ANY (:items)")
_REMOVE_ITEMS = text("DELETE FROM source_item WHERE id = ANY (:items)")
# What could not be read and is gone is nobody's to mend; a newer version that is here keeps its reasons.
_FORGET_SKIPPED = text(
    """
    DELETE FROM skipped_item skipped
    WHERE connection_id = :connection_id AND stream = :stream AND provider_id = ANY (:ids) AND NOT EXISTS (
        SELECT FROM source_item current
        WHERE current.connection_id = skipped.connection_id AND current.stream = skipped.stream
          AND current.provider_id = skipped.provider_id AND current.superseded_at IS NULL
    )
    """
)
_RECEIPT = text(
    """
    UPDATE tombstone SET receipt = CAST(entry.receipt AS jsonb)
    FROM unnest(CAST(:ids AS text[]), CAST(:receipts AS text[])) AS entry (provider_id, receipt)
    WHERE tombstone.connection_id = :connection_id AND tombstone.stream = :stream
      AND tombstone.provider_id = entry.provider_id
    """
)
_UNPURGED = text(
    """
    SELECT stream, provider_id, receipt -> 'unpurged' AS digests FROM tombstone
    WHERE connection_id = :connection_id AND receipt ? 'unpurged' LIMIT :limit
    """
)
_STILL_USED = text(
    """
    SELECT blob FROM source_item WHERE org_id = :org_id AND blob = ANY (:digests)
    UNION SELECT blob FROM document WHERE org_id = :org_id AND blob = ANY (:digests)
    """
)
_PURGED = text(
    """
    UPDATE tombstone SET receipt = receipt - 'unpurged' || jsonb_build_object('files', CAST(:files AS int))
    WHERE connection_id = :connection_id AND stream = :stream AND provider_id = :provider_id
    """
)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Removed:
    """What went: ids of documents, digests of their files, and how many rows of each kind by source item."""

    documents: Sequence[UUID]
    digests: Mapping[UUID, frozenset[str]]
    counts: Mapping[UUID, Mapping[str, int]]


def remove_derived(connection: Connection, org_id: UUID, items: Collection[UUID], forget: Forget) -> Removed:
    """Remove all that was derived from source items, which themselves stay; of no effect on a second call.

    Objects go before their evidence, search statistics before their chunks, the rest follows by cascade.
    """
    ids = list(items)
    if not ids:
        return Removed((), {}, {})
    counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    for kind, item, number in connection.execute(_COUNTS, {"items": ids}):
        counts[item][kind] = number
    documents: list[UUID] = []
    digests: dict[UUID, frozenset[str]] = defaultdict(frozenset)
    for item, document, blob in connection.execute(_DOCUMENTS, {"items": ids}):
        if document is not None:
            documents.append(document)
        if blob is not None:
            digests[item] |= {blob}
    if documents:
        forget(connection, org_id, documents)
        connection.execute(_REMOVE_OBJECTS, {"documents": documents})
    connection.execute(_REMOVE_RECORDS, {"items": ids})
    return Removed(documents, digests, counts)


def bury(
    connection: Connection,
    scope: LandingScope,
    gone: Sequence[Gone],
    forget: Forget,
    *,
    may_return: bool = False,
) -> int:
    """Set tombstones and remove what they stand on, in the caller's transaction; how many ids had items.

    Under a legal hold the items are hidden and stay (``holds``). A tombstone lower than the id's current version removes nothing. ``may_return`` is for a deletion that was
    found by a listing: seen again at the same version, the item is simply back (a restored backup).
    """
    highest: dict[str, int] = {}
    for one in gone:
        highest[one.provider_id] = max(one.version, highest.get(one.provider_id, one.version))
    ids = sorted(highest)  # one order for everybody: two sweeps cannot deadlock
    held = holds.stands(connection, scope.connection_id)
    buried = 0
    for begin in range(0, len(ids), _BATCH):
        batch = {one: highest[one] for one in ids[begin : begin + _BATCH]}
        buried += _bury_batch(connection, scope, batch, forget, grace=int(may_return), held=held)
        connection.execute(
            _FORGET_SKIPPED,
            {"connection_id": scope.connection_id, "stream": scope.stream, "ids": list(batch)},
        )
    return buried


def mark_deleted(connection: Connection, scope: LandingScope, versions: Mapping[str, int]) -> None:
    """Set tombstones for what is removed by a rule of ours: these versions, and older ones, do not come back."""
    connection.execute(
        _BURY,
        {
            "org_id": scope.org_id,
            "connection_id": scope.connection_id,
            "stream": scope.stream,
            "ids": list(versions),
            "versions": list(versions.values()),
            "grace": 0,
        },
    )


def _bury_batch(
    connection: Connection,
    scope: LandingScope,
    gone: Mapping[str, int],
    forget: Forget,
    *,
    grace: int,
    held: bool,
) -> int:
    names = {
        "org_id": scope.org_id,
        "connection_id": scope.connection_id,
        "stream": scope.stream,
        "ids": list(gone),
        "versions": list(gone.values()),
        "grace": grace,
    }
    connection.execute(_BURY, names)
    items = connection.execute(_BURIED, names).all()
    if not items:
        return 0
    if held:
        holds.keep(connection, scope, items, forget)
        return len({item.provider_id for item in items})
    removed = remove_derived(connection, scope.org_id, [item.id for item in items], forget)
    receipts: dict[str, dict[str, Any]] = {}
    digests: dict[str, set[str]] = defaultdict(set)
    for item in items:
        receipt = receipts.setdefault(item.provider_id, {"items": 0, **dict.fromkeys(DERIVED, 0)})
        receipt["items"] += 1
        for kind, number in removed.counts.get(item.id, {}).items():
            receipt[kind] += number
        digests[item.provider_id] |= removed.digests.get(item.id, frozenset())
        if item.blob is not None:
            digests[item.provider_id].add(item.blob)
    for provider_id, found in digests.items():
        if found:
            receipts[provider_id]["unpurged"] = sorted(found)
    connection.execute(_REMOVE_ITEMS, {"items": [item.id for item in items]})
    connection.execute(
        _RECEIPT,
        {**names, "ids": list(receipts), "receipts": [json.dumps(one) for one in receipts.values()]},
    )
    return len(receipts)


def purge(database: WorkerDatabase, objects: ObjectStore, org_id: UUID, connection_id: UUID) -> int:
    """Delete the files of buried items that nothing else refers to; how many went. Safe to stop and repeat."""
    deleted = 0
    while True:
        with database.organisation(org_id) as connection:
            waiting = connection.execute(_UNPURGED, {"connection_id": connection_id, "limit": _BATCH}).all()
            if not waiting:
                return deleted
            unused = delete_unused(
                connection, objects, org_id, {digest for row in waiting for digest in row.digests}
            )
            deleted += len(unused)
            for row in waiting:
                connection.execute(
                    _PURGED,
                    {
                        "connection_id": connection_id,
                        "stream": row.stream,
                        "provider_id": row.provider_id,
                        "files": sum(digest in unused for digest in row.digests),
                    },
                )


def delete_unused(
    connection: Connection, objects: ObjectStore, org_id: UUID, digests: Collection[str]
) -> set[str]:
    """Delete those of an organisation's files that no row refers to any more; which ones went.

    Holds the organisation's file lock to the end of the transaction, which a page that refers to files shares: no
    page can commit a reference to a file between the look and the deletion.
    """
    lock_files(connection, org_id, shared=False)
    names = {"org_id": org_id, "digests": sorted(digests)}
    unused = set(digests) - set(connection.execute(_STILL_USED, names).scalars())
    for digest in sorted(unused):
        objects.delete(str(org_id), digest)
    return unused


def lock_files(connection: Connection, org_id: UUID, *, shared: bool) -> None:
    """Until the transaction ends: shared by those who refer to files, alone for who deletes them."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    connection.execute(text(f"SELECT {function}(hashtextextended(:name, 0))"), {"name": f"files:{org_id}"})
