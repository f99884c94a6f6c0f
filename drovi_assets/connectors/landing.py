"""Landing: a page of changes becomes durable source items, in bulk, exactly once.

A page is copied into a temporary table and compared with what is current in one indexed join, so that
its cost does not depend on how much has landed before, and rows that say nothing new write nothing.
The rules, whatever order pages arrive in:

* the highest version of an id is the current one; an equal version counts as newer than what it meets;
* a tombstone holds against its own version and every lower one; a higher one brings the id back;
* content that returns (A, B, A) brings back the row that held it: a row is a content, not an arrival.

Nothing here commits: the caller's transaction also holds the cursor, the tombstones and the lease.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Connection

from drovi_assets.connectors.contract import Change
from drovi_assets.connectors.windows import window_name
from resources.errors import InvariantBroken
from resources.hashing import digest

# One round trip. The join is by index whatever the statistics say: a fresh or fast-growing table has none,
# and a plan that hashes or scans a million items to land a thousand costs seconds a page.
_PREPARE = """
CREATE TEMP TABLE IF NOT EXISTS landing (
    position bigint NOT NULL,
    provider_id text NOT NULL,
    content_hash bytea NOT NULL,
    version bigint NOT NULL,
    occurred_at timestamptz,
    "window" text,       -- NULL: the scope's
    payload text NOT NULL,
    blob text,
    audience_id uuid     -- NULL: the scope's
) ON COMMIT DELETE ROWS;
TRUNCATE landing;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_material = off;
SET LOCAL jit = off;
"""
_RESTORE = """
SET LOCAL enable_hashjoin TO DEFAULT;
SET LOCAL enable_mergejoin TO DEFAULT;
SET LOCAL enable_seqscan TO DEFAULT;
SET LOCAL enable_bitmapscan TO DEFAULT;
SET LOCAL enable_material TO DEFAULT;
"""
_COPY = """
COPY landing (position, provider_id, content_hash, version, occurred_at, "window", payload, blob, audience_id)
FROM STDIN (FORMAT BINARY)
"""
_TYPES = ("int8", "text", "bytea", "int8", "timestamptz", "text", "text", "text", "uuid")
# Most streams have no tombstone at all: that is asked once a page, and each row's own only where there is one.
_ALIVE = """(NOT (SELECT EXISTS (
    SELECT FROM tombstone WHERE connection_id = %(connection)s AND stream = %(stream)s
)) OR landing.version > coalesce((
    SELECT version FROM tombstone
    WHERE connection_id = %(connection)s AND stream = %(stream)s AND provider_id = landing.provider_id
), landing.version - 1))"""
# One uuidv7 a statement, and each row's position in its last 32 bits (RFC 9562, section 6.2, a dedicated counter):
# a Postgres built without OpenSSL opens /dev/urandom for every call, which takes 3 us.
_INSERT = """
INSERT INTO source_item AS item
    (id, org_id, audience_id, connection_id, stream, provider_id, content_hash, version, occurred_at, "window",
     payload, blob)
SELECT ((SELECT left(uuidv7()::text, 28)) || lpad(to_hex(position), 8, '0'))::uuid,
       %(org)s, coalesce(audience_id, %(audience)s), %(connection)s, %(stream)s, provider_id, content_hash, version,
       occurred_at, coalesce("window", %(window)s), payload, blob
FROM {source}
"""
_REVIVE = """
ON CONFLICT (connection_id, stream, provider_id, content_hash) DO UPDATE SET
    version = excluded.version, audience_id = excluded.audience_id, occurred_at = excluded.occurred_at,
    "window" = excluded."window", landed_at = now(), superseded_at = NULL, processed_at = NULL
"""
# `met` is each arrival beside what is current. Content that is current already is written only where the
# version rises (else an older version that comes late would win) or its readers changed. LATERAL with LIMIT
# keeps the look-up a look-up: as a plain join, a planner without statistics scans the items once a row.
_COMPARE = f"""
WITH met AS MATERIALIZED (
    SELECT landing.*, current.id AS current_id, current.version AS current_version,
           current.content_hash = landing.content_hash AS same,
           current.audience_id <> coalesce(landing.audience_id, %(audience)s) AS other_readers
    FROM landing
    LEFT JOIN LATERAL (
        SELECT id, version, content_hash, audience_id FROM source_item
        WHERE connection_id = %(connection)s AND stream = %(stream)s
          AND provider_id = landing.provider_id AND superseded_at IS NULL
        LIMIT 1
    ) current ON true
    WHERE {_ALIVE}
), fresh AS (
    {_INSERT.format(source="met WHERE current_id IS NULL")}
), overtaken AS (
    UPDATE source_item SET superseded_at = now()
    FROM met WHERE source_item.id = met.current_id AND NOT met.same AND met.version >= met.current_version
), confirmed AS (
    UPDATE source_item SET version = met.version, audience_id = coalesce(met.audience_id, %(audience)s)
    FROM met WHERE source_item.id = met.current_id AND met.same AND met.version >= met.current_version
      AND (met.version > met.current_version OR met.other_readers)
)
SELECT count(*) FILTER (WHERE current_id IS NULL),
       count(*) FILTER (WHERE NOT same AND version >= current_version),
       count(*) FILTER (WHERE same),
       count(*) FILTER (WHERE other_readers AND version >= current_version)
FROM met
"""  # noqa: S608 - joined from constants of this module
# A second statement, because a unique index sees a statement's own writes in no particular order. Only here can
# content have been before: an id without a current item has no items, for its deletion took all of them. So what
# is new is inserted without asking for conflicts, which saves a sixth of the server's work.
_SUCCEED = (
    _INSERT.format(
        source=f"""landing
WHERE {_ALIVE} AND (
    SELECT id FROM source_item
    WHERE connection_id = %(connection)s AND stream = %(stream)s
      AND provider_id = landing.provider_id AND superseded_at IS NULL
) IS NULL"""  # noqa: S608 - joined from constants of this module
    )
    + _REVIVE
)


# The page is still in its temporary table. What was landed before by the same transaction has the same moment.
_LANDED_NOW = """
SELECT id FROM source_item
WHERE connection_id = %(connection)s AND stream = %(stream)s AND landed_at = now()
    AND processed_at IS NULL AND superseded_at IS NULL AND provider_id IN (SELECT provider_id FROM landing)
ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class LandingScope:
    """Where changes land: ``audience_id`` is the default; ``window`` None names each item's window by its time."""

    org_id: UUID
    connection_id: UUID
    stream: str
    audience_id: UUID
    this_year: int
    window: str | None = None


@dataclass(frozen=True, slots=True)
class Attachments:
    """What the runner found out about changes before they land, by provider id: file digests and readers."""

    blobs: Mapping[str, str] = field(default_factory=dict)
    audiences: Mapping[str, UUID] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LandingResult:
    """How many ids of a page were new, changed, the same as before, or older than what is known.

    ``other_readers`` counts those of them whose audience changed: see ``rescoping``.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    stale: int = 0
    other_readers: int = 0

    def __add__(self, other: LandingResult) -> LandingResult:
        return LandingResult(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.stale + other.stale,
            self.other_readers + other.other_readers,
        )


_NOTHING_ATTACHED = Attachments()


def land(
    connection: Connection,
    scope: LandingScope,
    changes: Sequence[Change],
    attached: Attachments = _NOTHING_ATTACHED,
) -> LandingResult:
    """Make ``changes`` durable inside the caller's transaction; of several versions of one id the highest counts.

    Text that the database cannot hold (NUL, lone surrogates) raises: see ``unlandable``.
    """
    newest = latest(changes)
    if not newest:
        return LandingResult()
    driver = driver_of(connection)
    names = {
        "org": scope.org_id,
        "connection": scope.connection_id,
        "stream": scope.stream,
        "audience": scope.audience_id,
        "window": scope.window,
    }
    with driver.cursor() as cursor:
        cursor.execute(_PREPARE)
        with cursor.copy(_COPY) as copy:
            copy.set_types(_TYPES)
            for row in _rows(scope, newest, attached):
                copy.write_row(row)
        new, changed, unchanged, moved = cursor.execute(_COMPARE, names).fetchone() or (0, 0, 0, 0)
        if changed:
            cursor.execute(_SUCCEED, names)
        cursor.execute(_RESTORE)
    stale = len(newest) - new - changed - unchanged
    return LandingResult(new, changed, unchanged, stale, other_readers=moved)


def landed_now(connection: Connection, scope: LandingScope) -> list[UUID]:
    """The ids of what the last ``land`` of this transaction made current, and not what was known before."""
    names = {"connection": scope.connection_id, "stream": scope.stream}
    with driver_of(connection).cursor(binary=True) as cursor:
        return [item for (item,) in cursor.execute(_LANDED_NOW, names).fetchall()]


def unlandable(change: Change) -> str | None:
    """Why the database cannot hold this change, or None."""
    for text in (change.provider_id, change.payload):
        if "\0" in text:
            return "The item's text holds a NUL character."
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return "The item's text is not valid Unicode."
    return None


def latest(changes: Sequence[Change]) -> Sequence[Change]:
    """The highest version of each id; of equal ones the last."""
    by_id: dict[str, Change] = {}
    for change in changes:
        known = by_id.get(change.provider_id)
        if known is None or change.version >= known.version:
            by_id[change.provider_id] = change
    return list(by_id.values()) if len(by_id) < len(changes) else changes


def _rows(scope: LandingScope, changes: Sequence[Change], attached: Attachments) -> Any:
    blobs, audiences, fixed = attached.blobs, attached.audiences, scope.window
    for position, change in enumerate(changes):
        blob = blobs.get(change.provider_id)
        content = digest(change.payload) if blob is None else digest(change.payload, blob)
        yield (
            position,
            change.provider_id,
            content,
            change.version,
            change.occurred_at,
            None if fixed else window_name(change.occurred_at, scope.this_year),
            change.payload,
            blob,
            audiences.get(change.provider_id),
        )


def driver_of(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's own connection, for COPY."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise InvariantBroken("Landing needs a psycopg connection.")
    return driver
