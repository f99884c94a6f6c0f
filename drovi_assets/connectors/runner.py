"""Running a connector: live syncs, backfill windows and deletion sweeps, each page a transaction under a lease.

Plain functions over a ``Runtime``; Dagster's assets and the sensors' ticks are two faces of them. Errors follow
the tree of ``resources.errors``: Transient is retried here for a short while and then left to the schedule,
NeedsPerson stops the connection and tells its owner, StartOver reads the stream again with ids kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select

from drovi_assets.connectors import deletions, leases, sweeping
from drovi_assets.connectors.committing import (
    LIVE,
    Reading,
    Source,
    commit_page,
    cursor_of,
    save_cursor,
)
from drovi_assets.connectors.contract import Connector, Cursor, Health, Page, Stream, Window
from drovi_assets.connectors.landing import LandingResult
from drovi_assets.connectors.opening import opened
from drovi_assets.connectors.pacing import LONGEST_WAIT_SECONDS, Pace, pace_of
from drovi_assets.connectors.registry import spec_of
from drovi_assets.connectors.runtime import Runtime
from drovi_assets.connectors.standing import postpone, set_status, synced
from drovi_assets.connectors.windows import Part
from resources.database import sole
from resources.errors import (
    Conflict,
    CursorRejected,
    Invalid,
    InvariantBroken,
    NeedsPerson,
    NotFound,
    ProviderDown,
    Transient,
)
from resources.schema import connection as connection_table

ATTEMPTS = 4
"""How often one position is tried before the error goes to whoever scheduled the sync."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one call did. ``complete``: everything that was asked for was read, within the budget."""

    connection_id: UUID
    landed: LandingResult = LandingResult()  # noqa: RUF009 - frozen
    pages: int = 0
    deleted: int = 0
    skipped: int = 0
    swept: bool = False
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Turn:
    """One holder's turn on one connection."""

    runtime: Runtime
    source: Source
    connector: Connector
    lease: leases.Lease
    pace: Pace

    def left(self) -> float:
        return self.pace.left()


def sync(
    runtime: Runtime, connection_id: UUID, *, budget_seconds: float | None = None, sweep: bool | None = None
) -> SyncReport:
    """Read what changed in every stream since the last call, then follow deletions where a sweep is due.

    A connection's first sync begins at now: what was there before is read by its windows. ``budget_seconds`` stops
    between pages; ``sweep`` True or False overrides whether one is due.

    Raises:
        Conflict: another sync of it is running, or it is paused or waits for a person.
        NeedsPerson: it waits for a person from now on; its owner is told why in ``status_detail``.
        Transient: it did not come through; where the provider said when to come back, the schedule knows.
    """
    with _turn(runtime, connection_id, budget_seconds) as turn:
        report = SyncReport(connection_id)
        for stream in turn.connector.streams():
            report = _read(turn, Reading(stream), report)
        if sweep is not False:
            report = _sweep(turn, report, force=bool(sweep))
        deletions.purge(runtime.database, runtime.objects, turn.source.org_id, connection_id)
        synced(turn.runtime, turn.source)
        return report


def windows(runtime: Runtime, connection_id: UUID) -> list[tuple[Stream, Window]]:
    """What a backfill has to read, newest first over all streams; finished windows are left out.

    The live position is taken first, so that a change made from here on is read by ``sync``. Raises as ``sync``.
    """
    with _turn(runtime, connection_id, None) as turn:
        found = []
        for stream in turn.connector.streams():
            _live_cursor(turn, stream)
            turn.pace.pay()
            for window in turn.connector.windows(stream):
                with runtime.database.organisation(turn.source.org_id) as connection:
                    _, complete = cursor_of(connection, turn.source, Reading(stream, window))
                if not complete:
                    found.append((stream, window))
    return sorted(found, key=lambda pair: pair[1].start, reverse=True)


def backfill_window(
    runtime: Runtime,
    connection_id: UUID,
    stream: Stream,
    window: Window,
    *,
    budget_seconds: float | None = None,
) -> SyncReport:
    """Read one window to its end from where it was left; at once where it is finished. Raises as ``sync``."""
    with _turn(runtime, connection_id, budget_seconds) as turn:
        _live_cursor(turn, stream)
        return _read(turn, Reading(stream, window), SyncReport(connection_id))


def backfill(runtime: Runtime, connection_id: UUID, *, sweep: bool | None = None) -> SyncReport:
    """Read all of a connection's history, newest window first, and then what changed meanwhile.

    ``sweep`` and what is raised are as for ``sync``.
    """
    total = SyncReport(connection_id)
    for stream, window in windows(runtime, connection_id):
        total = _sum(total, backfill_window(runtime, connection_id, stream, window))
    return _sum(total, sync(runtime, connection_id, sweep=sweep))


def check(runtime: Runtime, connection_id: UUID) -> Health:
    """Reach the source; a connection that waited for a person and answers again is active again.

    Raises:
        NeedsPerson: as ``sync``.
        Transient: the source does not answer now.
    """
    with _turn(runtime, connection_id, None, any_status=True) as turn:
        turn.pace.pay()
        health = turn.connector.check()
        set_status(runtime, turn.source, "active", "", only_if="needs_person")
        return health


def using(runtime: Runtime, connection_id: UUID, call: Callable[[Connector], T]) -> T:
    """Do something else than reading with a connection's connector, while nobody reads it; raises as ``sync``."""
    with _turn(runtime, connection_id, None) as turn:
        return call(turn.connector)


def start_over(runtime: Runtime, connection_id: UUID, stream: Stream) -> None:
    """Forget how far a stream was read: it is read again from its beginning, ids are kept. Raises as ``sync``."""
    with (
        _turn(runtime, connection_id, None, any_status=True, calls=False) as turn,
        runtime.database.organisation(turn.source.org_id) as connection,
    ):
        turn.lease.renew(connection)
        save_cursor(connection, turn.source, stream, LIVE, {}, complete=False)
        sweeping.make_due(connection, turn.source, stream)


def forget_windows(runtime: Runtime, connection_id: UUID, only: Part, before: datetime) -> None:
    """Forget how far windows were read whose position is older than ``before``: twice is once. Raises as ``sync``.

    Their streams are swept at the next sync: what was deleted while nobody looked is in no page.
    """
    with _turn(runtime, connection_id, None) as turn:
        streams = [one for one in turn.connector.streams() if only.stream in {None, one.name}]
        if not streams:
            raise Invalid(
                f"The source has no stream {only.stream!r}.", remedy="Leave the stream out for all of them."
            )
        with runtime.database.organisation(turn.source.org_id) as connection:
            turn.lease.renew(connection)
            for stream in streams:
                sweeping.forget_windows(connection, turn.source, stream, only, before)


@contextmanager
def _turn(
    runtime: Runtime,
    connection_id: UUID,
    budget_seconds: float | None,
    *,
    any_status: bool = False,
    calls: bool = True,
) -> Iterator[_Turn]:
    """A turn on the connection; one in which the provider is not called waits for none of its deadlines."""
    with runtime.database.dispatch() as connection:
        row = sole(
            connection.execute(select(connection_table).where(connection_table.c.id == connection_id)).all(),
            "connection",
        )
    if row.status != "active" and not any_status:
        raise Conflict(f"The connection is {row.status}: {row.status_detail}", remedy=row.status_detail)
    source = Source(row.org_id, row.id, row.connector, row.audience_id)
    end = inf if budget_seconds is None else time.monotonic() + budget_seconds
    with leases.held(runtime.database, row.org_id, row.id, runtime.holder, runtime.lease_seconds) as lease:
        try:
            spec = spec_of(row.connector, runtime.connectors)
            pace = pace_of(runtime, source, spec, lambda: end - time.monotonic())
            if calls:
                pace.await_deadline()
            with opened(runtime, row) as connector:
                yield _Turn(runtime, source, connector, lease, pace)
        except (NeedsPerson, NotFound) as error:
            set_status(runtime, source, "needs_person", f"{error.message} {error.remedy}".strip())
            raise
        except Transient as error:
            postpone(runtime, source, error)
            raise


def _live_cursor(turn: _Turn, stream: Stream) -> Cursor:
    """The live position, taken at now where the stream was never read."""
    with turn.runtime.database.organisation(turn.source.org_id) as connection:
        cursor, _ = cursor_of(connection, turn.source, Reading(stream))
    if cursor is None:
        cursor = _retried(turn, lambda: turn.connector.start(stream))
        with turn.runtime.database.organisation(turn.source.org_id) as connection:
            turn.lease.renew(connection)
            save_cursor(connection, turn.source, stream, LIVE, cursor, complete=True)
    return cursor


@dataclass(slots=True)
class _Progress:
    """How far a reading has come: what survives an error between two pages."""

    cursor: Cursor
    report: SyncReport
    failures: int = 0
    restarts: int = 0


def _read(turn: _Turn, reading: Reading, report: SyncReport) -> SyncReport:
    """Commit pages until all is read, the budget is spent, or one position was tried ``ATTEMPTS`` times."""
    if reading.window is None:
        cursor = _live_cursor(turn, reading.stream)
    else:
        with turn.runtime.database.organisation(turn.source.org_id) as connection:
            known, complete = cursor_of(connection, turn.source, reading)
        if complete:
            return report
        cursor = known or {}
    progress = _Progress(cursor, report)
    while True:
        try:
            _read_on(turn, reading, progress)
        except CursorRejected as error:
            if not progress.cursor:
                raise InvariantBroken(f"{reading.stream.name}: its beginning was rejected too.") from error
            progress.restarts += 1
            if progress.restarts >= ATTEMPTS:
                raise ProviderDown(
                    f"{reading.stream.name}: its position was lost {ATTEMPTS} times in one reading.",
                    remedy="It is begun anew by itself.",
                ) from error
            progress.cursor = {}
            with turn.runtime.database.organisation(turn.source.org_id) as connection:
                sweeping.make_due(connection, turn.source, reading.stream)
        except leases.Fenced:
            raise
        except Transient as error:
            progress.failures += 1
            _back_off(turn, error, progress.failures)
        else:
            return progress.report


def _read_on(turn: _Turn, reading: Reading, progress: _Progress) -> None:
    with _closing(turn.connector.read(reading.stream, progress.cursor, reading.window)) as pages:
        for page in turn.pace.pages(pages):
            done = commit_page(turn.runtime, turn.lease, turn.source, reading, page)
            out_of_time = turn.left() <= 0 and not page.complete
            progress.cursor, progress.failures = page.cursor, 0
            progress.report = _sum(
                progress.report,
                SyncReport(
                    turn.source.connection_id,
                    done.landed,
                    pages=1,
                    deleted=done.deleted,
                    skipped=done.skipped,
                    complete=not out_of_time,
                ),
            )
            if out_of_time:
                return


def _sweep(turn: _Turn, report: SyncReport, *, force: bool) -> SyncReport:
    """Follow deletions of streams that only tell them by a listing; what refuses to be listed keeps its items."""
    for stream in turn.connector.streams():
        with turn.runtime.database.organisation(turn.source.org_id) as connection:
            if not force and not sweeping.due(connection, turn.source, stream):
                continue
        turn.pace.pay()
        present = turn.connector.present(stream)
        if present is None:
            continue
        try:
            buried = sweeping.sweep(turn.runtime, turn.lease, turn.source, stream, present)
        except NeedsPerson as error:
            # Reading works: the connection goes on, and its owner sees what is not followed.
            set_status(turn.runtime, turn.source, "active", f"{error.message} {error.remedy}".strip())
        else:
            report = replace(report, deleted=report.deleted + buried, swept=True)
    return report


def _retried(turn: _Turn, call: Callable[[], T]) -> T:
    failures = 0
    while True:
        try:
            turn.pace.pay()
            return call()
        except Transient as error:
            failures += 1
            _back_off(turn, error, failures)


def _back_off(turn: _Turn, error: Transient, failures: int) -> None:
    """Wait as long as the provider asked for, or ever longer; raise ``error`` where that is not for us to sit out."""
    wait = error.retry_after
    if wait is None:
        wait = 0.5 * 2**failures
    wait *= 1 + turn.runtime.jitter()  # never less than asked for
    if failures >= ATTEMPTS or wait > min(LONGEST_WAIT_SECONDS, turn.left(), turn.runtime.lease_seconds / 2):
        raise error
    turn.runtime.sleep(wait)


@contextmanager
def _closing(pages: Iterator[Page]) -> Iterator[Iterator[Page]]:
    """Ends a generator where it stands, so that it lets go of its transaction before the next call."""
    try:
        yield pages
    finally:
        if isinstance(pages, Generator):
            pages.close()


def _sum(first: SyncReport, second: SyncReport) -> SyncReport:
    return SyncReport(
        first.connection_id,
        first.landed + second.landed,
        first.pages + second.pages,
        first.deleted + second.deleted,
        first.skipped + second.skipped,
        first.swept or second.swept,
        first.complete and second.complete,
    )
