"""A connection brought up to date: what changed is landed, and what landed is derived."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from drovi_assets.connectors import leases
from drovi_assets.connectors.runner import SyncReport, backfill
from drovi_assets.pipeline.run import Progress, Report, process_pending
from drovi_assets.pipeline.runtime import Runtime
from resources.errors import DroviError

HEARTBEAT_SECONDS = leases.LEASE_SECONDS / 4


@dataclass(frozen=True, slots=True)
class Ingestion:
    """What was read from the source, and what was derived."""

    read: SyncReport
    derived: Report = field(default_factory=Report)


def bring_up_to_date(
    runtime: Runtime,
    org_id: UUID,
    connection_id: UUID,
    *,
    budget_seconds: float | None = None,
    landed: Callable[[], None] | None = None,
    progress: Progress | None = None,
) -> Ingestion:
    """Read all that is new at the source, history included, and derive from what is pending, within the budget.

    ``landed`` is called once the source has been read, ``progress`` after every batch that is derived.

    Raises:
        Conflict: another worker has the connection's turn.
        DroviError: what ``connectors.runner.sync`` raises; what was landed before it is kept.
    """
    read = backfill(
        runtime.sources, connection_id, sweep=True
    )  # whoever asks by hand wants deletions followed now
    if landed is not None:
        landed()
    with turn(runtime, org_id, connection_id):
        derived = process_pending(
            runtime, org_id, connection_id, budget_seconds=budget_seconds, progress=progress
        )
    return Ingestion(read, derived)


@contextmanager
def turn(runtime: Runtime, org_id: UUID, connection_id: UUID) -> Iterator[leases.Lease]:
    """The connection's lease for the length of a block, kept alive while a long file is parsed."""
    with leases.held(runtime.database, org_id, connection_id, runtime.sources.holder) as lease:
        done = threading.Event()
        heart = threading.Thread(target=_beat, args=(runtime, lease, done), name="drovi-lease", daemon=True)
        heart.start()
        try:
            yield lease
        finally:
            done.set()
            heart.join()


def _beat(runtime: Runtime, lease: leases.Lease, done: threading.Event) -> None:
    while not done.wait(HEARTBEAT_SECONDS):
        try:
            with runtime.database.organisation(lease.org_id) as connection:
                lease.renew(connection)
        except leases.Fenced:
            return  # the block finds out by itself, at the renewal in its next page
        except DroviError:
            continue  # a database that is away for a moment; the lease outlives three missed beats
