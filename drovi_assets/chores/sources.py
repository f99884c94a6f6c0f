"""Erasing sources: one that somebody disconnects, and those that go with a person or an organisation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

from sqlalchemy import Connection, update

from drovi_assets.chores import receipts, subscriptions
from drovi_assets.chores.contract import Step, Task
from drovi_assets.connectors import deletions, erasing, holds
from drovi_assets.connectors.leases import Lease
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from drovi_assets.pipeline.turns import turn
from resources.audit import Action
from resources.errors import Conflict
from resources.schema import connection as connection_table

BATCH = 200
"""Items a transaction: under a second of work, and what a kill loses."""
PATIENCE_SECONDS = 2.0
"""How long a step waits for a source that is being read; other chores wait meanwhile."""
_POLL_SECONDS = 0.05
_STOPPED = "Its erasure was stopped by a legal hold; what was not erased by then is kept."


def erase_source(runtime: Runtime, task: Task, deadline: Deadline) -> Step:
    """The chore of a source that was disconnected."""
    connection_id = UUID(task.arguments["connection_id"])
    with runtime.database.organisation(task.org_id) as connection:
        if not receipts.begin(connection, task, "connection", connection_id, task.requested_by):
            return Step({"receipt": str(task.id)}, finished=True)
    finished = erase(runtime, task.org_id, connection_id, task.id, deadline)
    with runtime.database.organisation(task.org_id) as connection:
        if finished:
            receipts.close(connection, task.id, Action.ERASURE_FINISHED)
        counts = receipts.of(connection, task.id).counts
    return Step({"receipt": str(task.id), "erased": counts}, finished)


def erase(runtime: Runtime, org_id: UUID, connection_id: UUID, receipt_id: UUID, deadline: Deadline) -> bool:
    """Take a source away as far as the time goes, counted on a receipt; whether nothing of it is left.

    Raises:
        Conflict: a legal hold was placed meanwhile; the source stays as it is then, paused.
    """
    receipts.purge(runtime, org_id, receipt_id)
    if not _exists(runtime, connection_id):
        return True
    subscriptions.end(runtime, org_id, connection_id)
    with turn_within(runtime, org_id, connection_id, deadline) as lease:
        if lease is None:
            return False
        erased = True
        while erased:
            erased = _erase_batch(runtime, lease, receipt_id)
            receipts.purge(runtime, org_id, receipt_id)
            if erased and deadline.left <= 0:
                return False
        deletions.purge(runtime.database, runtime.objects, org_id, connection_id)
        with _unheld(runtime, lease) as connection:
            receipts.add(connection, receipt_id, erasing.erase_connection(connection, connection_id))
    return True


@contextmanager
def turn_within(
    runtime: Runtime, org_id: UUID, connection_id: UUID, deadline: Deadline
) -> Iterator[Lease | None]:
    """A source's lease for the length of a block; None where others kept it for as long as a step may wait."""
    patience = time.monotonic() + min(PATIENCE_SECONDS, max(deadline.left, 0.0))
    with ExitStack() as stack:
        lease = None
        while lease is None:
            try:
                lease = stack.enter_context(turn(runtime, org_id, connection_id))
            except Conflict:
                if time.monotonic() >= patience:
                    break
                time.sleep(_POLL_SECONDS)
        yield lease


def _exists(runtime: Runtime, connection_id: UUID) -> bool:
    """And nothing more of it is read from here on."""
    with runtime.database.dispatch() as connection:
        marked = connection.execute(
            update(connection_table).where(connection_table.c.id == connection_id).values(status="erasing")
        )
    return marked.rowcount == 1


def _erase_batch(runtime: Runtime, lease: Lease, receipt_id: UUID) -> bool:
    with _unheld(runtime, lease) as connection:
        erased = erasing.erase_items(
            connection, lease.org_id, lease.connection_id, runtime.sources.forget, limit=BATCH
        )
        receipts.add(connection, receipt_id, erased)
    return bool(erased)


@contextmanager
def _unheld(runtime: Runtime, lease: Lease) -> Iterator[Connection]:
    """A transaction in our turn, refused where a hold stands: it was placed after the erasure was asked for."""
    try:
        with runtime.database.organisation(lease.org_id) as connection:
            lease.renew(connection)
            holds.require_none(connection, holds.standing([lease.connection_id]))
            yield connection
    except Conflict:
        with runtime.database.organisation(lease.org_id) as connection:
            connection.execute(
                update(connection_table)
                .where(connection_table.c.id == lease.connection_id)
                .values(status="paused", status_detail=_STOPPED)
            )
        raise
