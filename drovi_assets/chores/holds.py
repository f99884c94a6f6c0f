"""After a hold was released: what was deleted at its source while it stood goes now."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from sqlalchemy import text

from drovi_assets.chores.contract import Step, Task
from drovi_assets.chores.sources import BATCH, turn_within
from drovi_assets.connectors import deletions, holds
from drovi_assets.connectors.contract import Gone
from drovi_assets.connectors.landing import LandingScope
from drovi_assets.connectors.leases import Lease
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime

# Files of deletions that are done already are waited for too: a kill may have come before them.
_WAITING = text(
    """
    SELECT DISTINCT connection_id FROM tombstone
    WHERE org_id = :org_id AND (receipt ? 'held' OR receipt ? 'unpurged') ORDER BY 1
    """
)
_HELD = text(
    """
    SELECT stream, provider_id, version FROM tombstone
    WHERE connection_id = :connection_id AND receipt ? 'held' ORDER BY stream, provider_id LIMIT :limit
    """
)
# Of an id whose items went another way meanwhile nothing is removed, and its tombstone must not be met again.
_DONE = text(
    """
    UPDATE tombstone SET receipt = receipt - 'held'
    WHERE connection_id = :connection_id AND stream = :stream AND provider_id = ANY (:ids)
    """
)


def remove_held(runtime: Runtime, task: Task, deadline: Deadline) -> Step:
    """The chore: sources that another hold covers are left as they are."""
    removed = int(task.progress.get("removed", 0))
    with runtime.database.organisation(task.org_id) as connection:
        waiting = [
            connection_id
            for connection_id in connection.execute(_WAITING, {"org_id": task.org_id}).scalars()
            if not holds.stands(connection, connection_id)
        ]
    for connection_id in waiting:
        with turn_within(runtime, task.org_id, connection_id, deadline) as lease:
            if lease is None:
                return Step({"removed": removed})
            while number := _remove_batch(runtime, lease):
                removed += number
                if deadline.left <= 0:
                    return Step({"removed": removed})
            deletions.purge(runtime.database, runtime.objects, task.org_id, connection_id)
    return Step({"removed": removed}, finished=True)


def _remove_batch(runtime: Runtime, lease: Lease) -> int:
    """How many deletions were done, unless a new hold forbids it."""
    with runtime.database.organisation(lease.org_id) as connection:
        lease.renew(connection)
        if holds.stands(connection, lease.connection_id):
            return 0
        names = {"connection_id": lease.connection_id, "limit": BATCH}
        gone: dict[str, list[Gone]] = defaultdict(list)
        for row in connection.execute(_HELD, names):
            gone[row.stream].append(Gone(row.provider_id, row.version))
        for stream, ids in gone.items():
            scope = _scope(runtime, lease, stream)
            deletions.bury(connection, scope, ids, runtime.sources.forget)
            connection.execute(_DONE, {**names, "stream": stream, "ids": [one.provider_id for one in ids]})
    return sum(map(len, gone.values()))


def _scope(runtime: Runtime, lease: Lease, stream: str) -> LandingScope:
    return LandingScope(
        lease.org_id, lease.connection_id, stream, UUID(int=0), runtime.sources.clock.now().year
    )
