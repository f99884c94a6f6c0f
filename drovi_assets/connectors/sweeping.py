"""Sweeps: deletions for sources that do not tell of them, by comparing a complete listing with what is current."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, text

from drovi_assets.connectors import deletions
from drovi_assets.connectors.committing import LIVE, Source, save_cursor
from drovi_assets.connectors.contract import Gone, Stream
from drovi_assets.connectors.landing import LandingScope, driver_of
from drovi_assets.connectors.leases import Lease
from drovi_assets.connectors.runtime import Runtime
from drovi_assets.connectors.windows import Part
from resources.schema import stream_cursor

SCOPE = "sweep"
EVERY_SECONDS = 30.0
SHARE = 20
"""A sweep rests for this many times as long as the last one took: at most a twentieth of the time goes into them."""
_BATCH = 500

_LISTING = "CREATE TEMP TABLE listing (provider_id text NOT NULL) ON COMMIT DROP"
_ABSENT = text(
    """
    SELECT item.provider_id, item.version FROM source_item item
    WHERE item.connection_id = :connection_id AND item.stream = :stream AND item.superseded_at IS NULL
      AND NOT EXISTS (SELECT FROM listing WHERE listing.provider_id = item.provider_id)
    """
)
_FORGET_SKIPPED = text(
    """
    DELETE FROM skipped_item skipped
    WHERE connection_id = :connection_id AND stream = :stream
      AND NOT EXISTS (SELECT FROM listing WHERE listing.provider_id = skipped.provider_id)
    """
)
_ANY = text(
    """
    SELECT EXISTS (
        SELECT FROM source_item
        WHERE connection_id = :connection_id AND stream = :stream AND superseded_at IS NULL
    )
    """
)


def due(connection: Connection, source: Source, stream: Stream) -> bool:
    """Whether the stream holds items and was not swept lately; by the database's clock."""
    names = {"connection_id": source.connection_id, "stream": stream.name}
    if not connection.execute(_ANY, names).scalar_one():
        return False
    row = connection.execute(
        select(stream_cursor.c.cursor, (func.now() - stream_cursor.c.updated_at).label("age")).where(
            stream_cursor.c.connection_id == source.connection_id,
            stream_cursor.c.stream == stream.name,
            stream_cursor.c.scope == SCOPE,
        )
    ).one_or_none()
    if row is None or row.cursor.get("due"):
        return True
    age: timedelta = row.age
    return age.total_seconds() >= max(EVERY_SECONDS, SHARE * float(row.cursor.get("seconds", 0)))


def make_due(connection: Connection, source: Source, stream: Stream) -> None:
    """Have the next sync sweep the stream whatever the time: its position was lost, and deletions with it."""
    save_cursor(connection, source, stream, SCOPE, {"due": True}, complete=False)


def sweep(
    runtime: Runtime, lease: Lease, source: Source, stream: Stream, present: Iterator[Sequence[str]]
) -> int:
    """Bury what a complete listing lacks; how many items that were. An error of the listing buries nothing.

    What could not be read and is not listed any more is forgotten.
    """
    began = runtime.clock.now()
    with runtime.database.organisation(source.org_id) as connection:
        lease.renew(connection)
        absent = _absent(connection, source, stream, present)
    scope = LandingScope(source.org_id, source.connection_id, stream.name, source.audience_id, began.year)
    buried = 0
    for begin in range(0, len(absent), _BATCH):
        with runtime.database.organisation(source.org_id) as connection:
            lease.renew(connection)
            buried += deletions.bury(
                connection, scope, absent[begin : begin + _BATCH], runtime.forget, may_return=True
            )
    with runtime.database.organisation(source.org_id) as connection:
        lease.renew(connection)
        seconds = (runtime.clock.now() - began).total_seconds()
        save_cursor(connection, source, stream, SCOPE, {"seconds": seconds}, complete=True)
    return buried


def _absent(
    connection: Connection, source: Source, stream: Stream, present: Iterator[Sequence[str]]
) -> list[Gone]:
    with driver_of(connection).cursor() as cursor:
        cursor.execute(_LISTING)
        with cursor.copy("COPY listing FROM STDIN") as copy:
            for batch in present:
                for provider_id in batch:
                    copy.write_row((provider_id,))
        cursor.execute("ANALYZE listing")
    names = {"connection_id": source.connection_id, "stream": stream.name}
    connection.execute(_FORGET_SKIPPED, names)
    rows = connection.execute(_ABSENT, names)
    return [Gone(row.provider_id, row.version) for row in rows]


def forget_windows(
    connection: Connection, source: Source, stream: Stream, only: Part, before: datetime
) -> None:
    """Forget how far the windows of a stream that are meant were read, where they were last read before a moment.

    The stream is due to be swept with it: what was deleted while nobody looked is in no page.
    """
    old = (
        (stream_cursor.c.connection_id == source.connection_id)
        & (stream_cursor.c.stream == stream.name)
        & stream_cursor.c.scope.not_in((LIVE, SCOPE))
        & (stream_cursor.c.updated_at < before)
    )
    known = connection.execute(select(stream_cursor.c.scope).where(old)).scalars()
    meant = [window for window in known if only.covers(stream.name, window)]
    connection.execute(delete(stream_cursor).where(old, stream_cursor.c.scope.in_(meant)))
    make_due(connection, source, stream)
