"""How background work is paced: turns on a connection, and work cut to a budget.

Ticks and runs both go through here, so that a backfill of hours never keeps a fresh message waiting: whoever works
on a connection does so in turns of seconds, and those who wait for one are served in the order they came.
No Dagster: what a turn did is returned as a value, and the faces report it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from math import inf
from typing import TypeVar
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from drovi_assets.connectors import runner
from drovi_assets.connectors.committing import LIVE
from drovi_assets.connectors.landing import LandingResult
from drovi_assets.connectors.sweeping import SCOPE as SWEEP
from drovi_assets.connectors.windows import ALL, Part
from drovi_assets.pace import Pace
from drovi_assets.pipeline.items import mark_processed, pending
from drovi_assets.pipeline.run import BATCH, Report, Turns, process
from drovi_assets.pipeline.runtime import Runtime
from drovi_assets.pipeline.turns import turn
from resources import kill_switches
from resources.database import WorkerDatabase
from resources.errors import Conflict, NeedsPerson, TimedOut, Transient
from resources.schema import stream_cursor
from resources.telemetry import get_logger

TURN_SECONDS = 4.0
"""A turn of bulk work; with one batch beyond it, what a live sync may have to wait."""
BULK_PATIENCE = 120.0
TRIES = 5
"""How often an item may fail by itself, in calls that are seconds apart, before it is given up."""
_POLL_SECONDS = 0.05

_T = TypeVar("_T")
_log = get_logger(__name__)
_failures: Counter[UUID] = Counter()
"""Failures by item, of this process: a new one starts afresh."""


@dataclass(slots=True)
class Done:
    """What was done to one connection: what landed, what was derived, by window, and the items that failed."""

    landed: LandingResult = field(default_factory=LandingResult)
    deleted: int = 0
    derived: dict[str, Report] = field(default_factory=dict)
    failed: set[UUID] = field(default_factory=set)
    pace: Pace = field(default_factory=Pace)

    def read(self, report: runner.SyncReport) -> None:
        """Take in what one read of the source did."""
        self.landed += report.landed
        self.deleted += report.deleted

    def add(self, window: str, report: Report) -> None:
        """Take in one batch."""
        self.derived.setdefault(window, Report()).add(report)

    @property
    def total(self) -> Report:
        """All windows together."""
        total = Report()
        for report in self.derived.values():
            total.add(report)
        return total

    def summary(self) -> dict[str, int | str | None]:
        """The figures a person follows: for a job's progress and a run's metadata."""
        total = self.total
        return {
            "landed": self.landed.new + self.landed.changed,
            "deleted": self.deleted,
            "items": total.items,
            "documents": total.parsed,
            "refused": len(total.refused),
            "objects": sum(total.objects.values()),
            "chunks": total.chunks,
            **self.pace.figures(),
        }


def bring_up_to_date(
    runtime: Runtime, org_id: UUID, connection_id: UUID, progress: Callable[[Done], None] = lambda _: None
) -> Done:
    """Everything at once, for whoever asks by hand: history, changes, deletions, and all that follows from them.

    ``progress`` is called after every few seconds of work. Raises as ``runner.sync``; what was done stays done.
    """
    done = Done()
    advance = partial(progress, done)
    read_history(runtime, org_id, connection_id, done, budget=inf, progress=advance)
    read_live(runtime, connection_id, done, patience=BULK_PATIENCE, budget=inf, sweep=True)
    derive_pending(runtime, org_id, connection_id, done, budget=inf, progress=advance)
    return done


def read_live(
    runtime: Runtime,
    connection_id: UUID,
    done: Done,
    *,
    patience: float,
    budget: float,
    sweep: bool | None = None,
) -> None:
    """Land what changed at the source since the last read. Raises as ``runner.sync``, and TimedOut past ``patience``."""
    read = partial(runner.sync, runtime.sources, connection_id, budget_seconds=budget, sweep=sweep)
    with _queue(runtime.database, connection_id, patience) as deadline:
        done.read(_insist(deadline, read))


def forget_history(
    runtime: Runtime,
    connection_id: UUID,
    *,
    only: Part = ALL,
    before: datetime,
    patience: float = BULK_PATIENCE,
) -> None:
    """Have history that was read before a moment read again from empty; ids are kept, and what is gone is found out."""
    with _queue(runtime.database, connection_id, patience) as deadline:
        _insist(deadline, lambda: runner.forget_windows(runtime.sources, connection_id, only, before))


def read_history(
    runtime: Runtime,
    org_id: UUID,
    connection_id: UUID,
    done: Done,
    *,
    budget: float,
    patience: float = BULK_PATIENCE,
    progress: Callable[[], None] = lambda: None,
    only: Part = ALL,
) -> bool:
    """Land and derive the connection's history, newest window first; whether it came to its end in ``budget`` seconds.

    Each window is found by search before the next is read. Where it stopped it goes on: a page is a checkpoint.
    ``only`` names a stream and a window, where not all are wanted.
    """
    end = time.monotonic() + budget
    with _queue(runtime.database, connection_id, patience) as deadline:
        left = _insist(deadline, lambda: runner.windows(runtime.sources, connection_id))
    left = [(stream, window) for stream, window in left if only.covers(stream.name, window.name)]
    done.pace.begin(before=_count_read(runtime, org_id, connection_id), left=len(left))
    for stream, window in left:
        complete = False
        while not complete:
            if time.monotonic() >= end:
                return False
            read = partial(runner.backfill_window, runtime.sources, connection_id, stream, window)
            with _queue(runtime.database, connection_id, patience) as deadline, _told(done, progress):
                report = _insist(deadline, partial(read, budget_seconds=TURN_SECONDS))
            done.read(report)
            complete = report.complete
            progress()
        budget_left = end - time.monotonic()
        if not derive_pending(
            runtime, org_id, connection_id, done, budget=budget_left, patience=patience, progress=progress
        ):
            return False
        done.pace.advance()
        progress()
    return True


def derive_pending(
    runtime: Runtime,
    org_id: UUID,
    connection_id: UUID,
    done: Done,
    *,
    budget: float,
    patience: float = BULK_PATIENCE,
    progress: Callable[[], None] = lambda: None,
) -> bool:
    """Derive from what landed last, first; whether nothing was left in ``budget`` seconds. Cost grows with what is pending."""
    end = time.monotonic() + budget
    while count_pending(runtime, org_id, connection_id, 1, but=done.failed):
        if time.monotonic() >= end:
            return False
        with turn_of(runtime, org_id, connection_id, patience=patience):
            _derive_a_turn(runtime, org_id, connection_id, done, min(end, time.monotonic() + TURN_SECONDS))
        progress()
    return True


@contextmanager
def turn_of(
    runtime: Runtime, org_id: UUID, connection_id: UUID, *, patience: float = BULK_PATIENCE
) -> Iterator[None]:
    """The connection's lease for the length of a block, once it is our turn.

    Raises:
        TimedOut: others had it for all of ``patience`` seconds.
    """
    with ExitStack() as stack:
        with _queue(runtime.database, connection_id, patience) as deadline:
            _insist(deadline, lambda: stack.enter_context(turn(runtime, org_id, connection_id)))
        yield


def turns_on(runtime: Runtime, org_id: UUID, connection_id: UUID) -> Turns:
    """How bulk work takes its turns on a connection."""
    return partial(turn_of, runtime, org_id, connection_id)


def count_pending(
    runtime: Runtime, org_id: UUID, connection_id: UUID, limit: int, *, but: Collection[UUID] = ()
) -> int:
    """How many landed items, ``but`` those, nothing was derived from; counted up to ``limit``."""
    with runtime.database.organisation(org_id) as connection:
        return len(pending(connection, connection_id, limit, but=but))


def _count_read(runtime: Runtime, org_id: UUID, connection_id: UUID) -> int:
    """How many windows of the connection's streams were read to their end."""
    query = (
        select(func.count())
        .select_from(stream_cursor)
        .where(
            stream_cursor.c.connection_id == connection_id,
            stream_cursor.c.complete,
            stream_cursor.c.scope.not_in((LIVE, SWEEP)),
        )
    )
    with runtime.database.organisation(org_id) as connection:
        count: int = connection.execute(query).scalar_one()
        return count


@contextmanager
def _told(done: Done, progress: Callable[[], None]) -> Iterator[None]:
    """Have whoever follows the work see what its source failed with; its code, since the words may be of content."""
    try:
        yield
    except (Transient, NeedsPerson) as error:
        done.pace.last_error = error.code
        progress()
        raise
    done.pace.last_error = None


def _derive_a_turn(runtime: Runtime, org_id: UUID, connection_id: UUID, done: Done, end: float) -> None:
    while True:
        with runtime.database.organisation(org_id) as connection:
            batch = pending(connection, connection_id, BATCH, but=done.failed)
        if not batch:
            return
        window = batch[0][1]  # one window a batch: it is reported under its partition
        _derive(runtime, org_id, [item for item, its_window in batch if its_window == window], window, done)
        if time.monotonic() >= end:
            return


def _derive(runtime: Runtime, org_id: UUID, item_ids: Sequence[UUID], window: str, done: Done) -> None:
    """One batch; where a defect stops it, item by item, so that one bad item cannot hold up the others."""
    try:
        done.add(window, process(runtime, org_id, item_ids))
    except (Transient, NeedsPerson):
        raise
    except Exception:  # noqa: BLE001 - whatever a library raises on one item is a defect of that item alone
        if len(item_ids) == 1:
            _leave_out(runtime, org_id, item_ids[0], done)
            return
        for item_id in item_ids:
            _derive(runtime, org_id, [item_id], window, done)
    else:
        for item_id in item_ids:
            _failures.pop(item_id, None)


def _leave_out(runtime: Runtime, org_id: UUID, item_id: UUID, done: Done) -> None:
    """Go on without an item that failed by itself; given up after ``TRIES`` calls.

    It then leaves the queue without a record, which is how the checks find it; materialising its partition again,
    once the defect is mended, derives it.
    """
    done.failed.add(item_id)
    _failures[item_id] += 1
    _log.exception("item not derived", item=str(item_id), tries=_failures[item_id])
    if _failures[item_id] >= TRIES:
        del _failures[item_id]
        with runtime.database.organisation(org_id) as connection:
            mark_processed(connection, [item_id])


@contextmanager
def _queue(database: WorkerDatabase, connection_id: UUID, patience: float) -> Iterator[float]:
    """Stand in line for a connection; yields the time (monotonic) by which the turn must be had.

    A lease alone has no order: whoever asks at the right moment gets it, and a backfill asks all the time. An
    advisory lock is granted first come, first served; it is held only while its holder asks for the lease.

    Raises:
        Halted: a kill switch stops the connection.
    """
    deadline = time.monotonic() + patience
    with database.dispatch() as connection:
        try:
            connection.execute(
                text(
                    "SELECT set_config('lock_timeout', :limit, true),"
                    " pg_advisory_xact_lock(hashtextextended(:name, 0))"
                ),
                {"limit": f"{max(1, int(patience * 1000))}ms", "name": f"turn/{connection_id}"},
            )
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") != "55P03":  # lock_not_available
                raise
            raise _busy() from error
        kill_switches.check(connection, connection_id)
        yield deadline


def _insist(deadline: float, take: Callable[[], _T]) -> _T:
    """``take`` again and again while another holds the lease; transient once the time is over."""
    while True:
        try:
            return take()
        except Conflict as error:
            if time.monotonic() >= deadline:
                raise _busy() from error
            time.sleep(_POLL_SECONDS)


def _busy() -> TimedOut:
    return TimedOut("Others wait for this connection.", remedy="Nothing: it is tried again shortly.")
