"""Retention: once a day (``periodic``), what is older than its organisation keeps it goes, and does not come back at the next sync.

A policy names days by kind of record (``resources.records``); a kind that it does not name is kept for good, and so is
the audit log, whatever it names. An item is as old as it says, or as the day on
which it landed. What a legal hold covers is left out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select, text

from drovi_assets.chores import receipts
from drovi_assets.chores.contract import Step, Task
from drovi_assets.chores.sources import BATCH, turn_within
from drovi_assets.connectors import deletions, erasing, holds
from drovi_assets.connectors.landing import LandingScope
from drovi_assets.connectors.leases import Lease
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources.audit import Action
from resources.schema import connection as connection_table
from resources.schema import erasure_receipt, organisation_policy

# What was not derived yet, or never could be, has no record to say what it is; its file does.
_DUE = text(
    """
    SELECT item.id, item.stream, item.provider_id, item.version, item.blob,
           item.superseded_at IS NULL AS current
    FROM source_item item
    LEFT JOIN record ON record.source_item_id = item.id
    JOIN jsonb_each_text(CAST(:days AS jsonb)) AS policy (kind, days)
        ON policy.kind = coalesce(record.kind, CASE WHEN item.blob IS NULL THEN 'row' ELSE 'document' END)
    WHERE item.connection_id = :connection_id
      AND coalesce(item.occurred_at, item.landed_at) < now() - make_interval(days => policy.days::int)
    ORDER BY item.id LIMIT :limit
    """
)
_VERSIONS = text(
    """
    SELECT id, blob FROM source_item
    WHERE connection_id = :connection_id AND stream = :stream AND provider_id = ANY (:ids)
    """
)


def retain(runtime: Runtime, task: Task, deadline: Deadline) -> Step:
    """The chore: one source after the other, where the last step stopped."""
    progress = {"held": 0, **task.progress}
    with runtime.database.organisation(task.org_id) as connection:
        policy = select(organisation_policy.c.retention_days).where(
            organisation_policy.c.org_id == task.org_id
        )
        days: dict[str, int] = connection.execute(policy).scalar_one_or_none() or {}
        sources = (
            connection.execute(
                select(connection_table.c.id)
                .where(
                    connection_table.c.org_id == task.org_id,
                    connection_table.c.status != "erasing",
                    connection_table.c.id > UUID(progress.get("after", str(UUID(int=0)))),
                )
                .order_by(connection_table.c.id)
            )
            .scalars()
            .all()
        )
    receipts.purge(runtime, task.org_id, task.id)
    for connection_id in sources if days else ():
        with turn_within(runtime, task.org_id, connection_id, deadline) as lease:
            if lease is None:
                return Step(progress)
            held = _apply(runtime, task, lease, days, deadline)
        if held is None:
            return Step(progress)
        progress = {"held": progress["held"] + held, "after": str(connection_id)}
        if deadline.left <= 0:
            return Step(progress)
    return Step(_finish(runtime, task, progress), finished=True)


def _apply(
    runtime: Runtime, task: Task, lease: Lease, days: Mapping[str, int], deadline: Deadline
) -> int | None:
    """1 for a source that a hold covers, 0 for one that is done, None for one that takes longer than there is time."""
    while True:
        with runtime.database.organisation(lease.org_id) as connection:
            lease.renew(connection)
            if holds.stands(connection, lease.connection_id):
                return 1
            removed = _remove_batch(runtime, connection, task, lease, days)
        if not removed:
            return 0
        receipts.purge(runtime, lease.org_id, task.id)
        if deadline.left <= 0:
            return None


def _remove_batch(
    runtime: Runtime, connection: Connection, task: Task, lease: Lease, days: Mapping[str, int]
) -> bool:
    names = {"connection_id": lease.connection_id, "days": json.dumps(dict(days)), "limit": BATCH}
    due = connection.execute(_DUE, names).all()
    if not due:
        return False
    blob_of: dict[UUID, str | None] = {row.id: row.blob for row in due}
    current: dict[str, dict[str, int]] = defaultdict(dict)
    for row in due:
        if row.current:
            current[row.stream][row.provider_id] = row.version
    for stream, versions in current.items():
        # With its current version an item goes whole, younger drafts of it included.
        rows = connection.execute(_VERSIONS, {**names, "stream": stream, "ids": list(versions)})
        blob_of.update({row.id: row.blob for row in rows})
        deletions.mark_deleted(connection, _scope(runtime, lease, stream), versions)
    receipts.begin(connection, task, "retention", task.org_id, None)
    erased = erasing.remove_items(connection, lease.org_id, blob_of, runtime.sources.forget)
    receipts.add(connection, task.id, erased)
    return True


def _finish(runtime: Runtime, task: Task, progress: Mapping[str, Any]) -> dict[str, Any]:
    """The receipt, where something went."""
    with runtime.database.organisation(task.org_id) as connection:
        receipt: Row[Any] | None = connection.execute(
            select(erasure_receipt.c.counts).where(erasure_receipt.c.id == task.id)
        ).one_or_none()
        if receipt is not None:
            receipts.close(connection, task.id, Action.RETENTION_APPLIED)
    return {"held": progress["held"], "removed": receipt.counts if receipt else {}}


def _scope(runtime: Runtime, lease: Lease, stream: str) -> LandingScope:
    return LandingScope(
        lease.org_id, lease.connection_id, stream, UUID(int=0), runtime.sources.clock.now().year
    )
