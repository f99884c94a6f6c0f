"""A worker's turn on a connection: its lease, kept alive while a long file is parsed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from drovi_assets.connectors import leases
from drovi_assets.pipeline.runtime import Runtime
from resources.errors import DroviError

BEATS = 4
"""In a lease's time: it outlives three that are missed."""


@contextmanager
def turn(runtime: Runtime, org_id: UUID, connection_id: UUID) -> Iterator[leases.Lease]:
    """The connection's lease for the length of a block.

    Raises:
        Conflict: another worker has it.
    """
    holder, seconds = runtime.sources.holder, runtime.sources.lease_seconds
    with leases.held(runtime.database, org_id, connection_id, holder, seconds) as lease:
        done = threading.Event()
        heart = threading.Thread(target=_beat, args=(runtime, lease, done), name="drovi-lease", daemon=True)
        heart.start()
        try:
            yield lease
        finally:
            done.set()
            heart.join()


def _beat(runtime: Runtime, lease: leases.Lease, done: threading.Event) -> None:
    while not done.wait(lease.ttl.total_seconds() / BEATS):
        try:
            with runtime.database.organisation(lease.org_id) as connection:
                lease.renew(connection)
        except leases.Fenced:
            return  # the block finds out by itself, at the renewal in its next page
        except DroviError:
            continue  # a database that is away for a moment
