"""One page, one transaction: items, deletions, skipped items and the cursor, under the lease.

Files go to the object store before the transaction, so that a crash leaves a file nobody refers to and
never a reference to a file that is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from drovi_assets.connectors import deletions, holds, rescoping
from drovi_assets.connectors.contract import Change, Cursor, Page, Skipped, Stream, Window
from drovi_assets.connectors.landing import Attachments, LandingResult, LandingScope, land, latest, unlandable
from drovi_assets.connectors.leases import Lease
from drovi_assets.connectors.runtime import Runtime
from resources import audiences
from resources.errors import Invalid, NeedsPerson, ProviderDown, Transient
from resources.identity import addresses
from resources.schema import skipped_item, stream_cursor

LIVE = "live"
"""The scope of the live cursor; every other scope is a window's name."""

_MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Source:
    """A connection as its row has it, for the length of one turn."""

    org_id: UUID
    connection_id: UUID
    connector: str
    audience_id: UUID


@dataclass(frozen=True, slots=True)
class Reading:
    """What is being read: a stream's changes, or one window of its history."""

    stream: Stream
    window: Window | None = None

    @property
    def scope(self) -> str:
        """The name its cursor goes by."""
        return LIVE if self.window is None else self.window.name


@dataclass(frozen=True, slots=True)
class Committed:
    """What one page changed."""

    landed: LandingResult
    deleted: int
    skipped: int


def cursor_of(connection: Connection, source: Source, reading: Reading) -> tuple[Cursor | None, bool]:
    """Where a reading stands (None: it was never read), and whether it was read to its end."""
    row = connection.execute(
        select(stream_cursor.c.cursor, stream_cursor.c.complete).where(
            stream_cursor.c.connection_id == source.connection_id,
            stream_cursor.c.stream == reading.stream.name,
            stream_cursor.c.scope == reading.scope,
        )
    ).one_or_none()
    return (None, False) if row is None else (row.cursor, row.complete)


def save_cursor(
    connection: Connection,
    source: Source,
    stream: Stream,
    scope: str,
    cursor: Cursor,
    *,
    complete: bool,
    items: int = 0,
) -> None:
    """Move a scope's position; ``items`` are added to how many it has brought so far."""
    row = insert(stream_cursor).values(
        org_id=source.org_id,
        connection_id=source.connection_id,
        stream=stream.name,
        scope=scope,
        cursor=dict(cursor),
        complete=complete,
        items=items,
    )
    connection.execute(
        row.on_conflict_do_update(
            constraint="pk_stream_cursor",
            set_={
                "cursor": row.excluded.cursor,
                "complete": row.excluded.complete,
                "items": stream_cursor.c["items"] + row.excluded["items"],
                "updated_at": func.now(),
            },
        )
    )


def commit_page(runtime: Runtime, lease: Lease, source: Source, reading: Reading, page: Page) -> Committed:
    """Make a page durable, whole or not at all.

    Raises:
        Fenced: the lease is over; nothing was committed.
        Transient: the database or the object store does not answer; nothing was committed.
    """
    changes, refused = _landable(latest(page.changes))
    blobs, unread = _store_files(runtime, lease, source, changes)
    skipped = [*page.skipped, *refused, *unread]
    lost = {one.provider_id for one in unread}
    changes = [change for change in changes if change.provider_id not in lost] if lost else changes
    scope = LandingScope(
        source.org_id,
        source.connection_id,
        reading.stream.name,
        source.audience_id,
        runtime.clock.now().year,
        reading.window.name if reading.window else None,
    )
    with runtime.database.organisation(source.org_id) as connection:
        lease.renew(connection)
        if blobs:
            _hold_files(runtime, connection, source, set(blobs.values()))
        deleted = deletions.bury(connection, scope, page.gone, runtime.forget) if page.gone else 0
        holds.give_back(connection, scope, changes)
        readers = _audiences(connection, source, changes)
        landed = land(connection, scope, changes, Attachments(blobs, readers))
        if landed.other_readers:
            ids = [change.provider_id for change in changes]
            rescoping.follow_readers(connection, scope, ids, runtime.follow)
        _keep_skipped(connection, source, reading.stream, skipped, changes)
        save_cursor(
            connection,
            source,
            reading.stream,
            reading.scope,
            page.cursor,
            complete=page.complete,
            items=landed.new + landed.changed,
        )
    return Committed(landed, deleted, len(skipped))


def _landable(changes: Sequence[Change]) -> tuple[Sequence[Change], list[Skipped]]:
    reasons = [(change, reason) for change in changes if (reason := unlandable(change))]
    if not reasons:
        return changes, []
    refused = [Skipped(_clean(change.provider_id), reason) for change, reason in reasons]
    return [change for change in changes if not unlandable(change)], refused


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "�")


def _store_files(
    runtime: Runtime, lease: Lease, source: Source, changes: Sequence[Change]
) -> tuple[Mapping[str, str], list[Skipped]]:
    blobs: dict[str, str] = {}
    unread: list[Skipped] = []
    renewed = runtime.clock.now()
    for change in changes:
        if change.file is None:
            continue
        try:
            blobs[change.provider_id] = _store(runtime, source, change.file)
        except _UnreadableError as error:
            unread.append(Skipped(change.provider_id, f"The file could not be read: {error}."))
        # A page of large files may take longer than a lease; an owner at work keeps it.
        if (runtime.clock.now() - renewed).total_seconds() > runtime.lease_seconds / 3:
            with runtime.database.organisation(source.org_id) as connection:
                lease.renew(connection)
            renewed = runtime.clock.now()
    return blobs, unread


class _UnreadableError(Exception):
    """The source's file, as opposed to the object store, does not let itself be read."""


def _store(runtime: Runtime, source: Source, file: bytes | Path) -> str:
    with ExitStack() as opened:
        content: bytes | BinaryIO
        if isinstance(file, bytes):
            content = file
        else:
            try:
                content = opened.enter_context(file.open("rb"))
            except OSError as error:  # gone, or closed to us, since it was listed
                raise _UnreadableError(error.strerror) from error
        try:
            return runtime.objects.put(str(source.org_id), content)
        except (NeedsPerson, OSError) as error:
            # Not the connection's fault: its owner can do nothing, and it goes on when the store does.
            raise ProviderDown(f"The object store cannot be used: {error}", retry_after=30) from error


def _hold_files(runtime: Runtime, connection: Connection, source: Source, digests: Collection[str]) -> None:
    """From here to the commit no purge can take a file away that this page refers to."""
    deletions.lock_files(connection, source.org_id, shared=True)
    if not all(runtime.objects.exists(str(source.org_id), digest) for digest in digests):
        raise Transient("A file was deleted while it was being read again.", remedy="It is tried again.")


def _audiences(connection: Connection, source: Source, changes: Sequence[Change]) -> Mapping[str, UUID]:
    """The audience of each item whose readers the provider names, whoever of them is a member today."""
    named = {change.provider_id: change.readers for change in changes if change.readers is not None}
    of_readers = {
        readers: audiences.of_source(connection, source.org_id, source.connection_id, _addresses(readers))
        for readers in set(named.values())
    }
    return {provider_id: of_readers[readers] for provider_id, readers in named.items()}


def _addresses(readers: Collection[str]) -> set[str]:
    """As accounts have them. A provider may name what is no address (a deleted account): that is nobody."""
    found = set()
    for reader in readers:
        with suppress(Invalid):
            found.add(addresses.normalise(reader))
    return found


def _keep_skipped(
    connection: Connection,
    source: Source,
    stream: Stream,
    skipped: Sequence[Skipped],
    landed: Sequence[Change],
) -> None:
    """Remember what could not be read, and forget what could after all."""
    mine = (
        skipped_item.c.connection_id == source.connection_id,
        skipped_item.c.stream == stream.name,
    )
    if landed and connection.execute(select(skipped_item.c.provider_id).where(*mine).limit(1)).first():
        ids = [change.provider_id for change in landed]
        connection.execute(delete(skipped_item).where(*mine, skipped_item.c.provider_id == func.any(ids)))
    if not skipped:
        return
    reasons = {_clean(one.provider_id): _clean(one.reason)[:_MAX_REASON] for one in skipped}
    rows = insert(skipped_item).values(
        [
            {
                "org_id": source.org_id,
                "audience_id": source.audience_id,
                "connection_id": source.connection_id,
                "stream": stream.name,
                "provider_id": provider_id,
                "reason": reason,
            }
            for provider_id, reason in sorted(reasons.items())
        ]
    )
    connection.execute(
        rows.on_conflict_do_update(
            constraint="pk_skipped_item",
            set_={"reason": rows.excluded.reason, "seen_at": func.now()},
        )
    )
