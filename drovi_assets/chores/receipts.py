"""Receipts: what an erasure took away, counted in the transactions that took it, so that no kill can part the two.

Files cannot be part of a transaction: their digests stay on the receipt as ``unpurged`` until they are deleted from
the object store, and a receipt that has some cannot be closed.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from drovi_assets.chores.contract import Task
from drovi_assets.connectors.deletions import delete_unused
from drovi_assets.connectors.erasing import Erased
from drovi_assets.pipeline.runtime import Runtime
from resources import audit
from resources.audit import Action
from resources.schema import erasure_receipt

_RECEIPT = erasure_receipt.c
_ADD = text(
    """
    UPDATE erasure_receipt SET unpurged = ARRAY(
        SELECT DISTINCT digest FROM unnest(unpurged || CAST(:digests AS text[])) AS digest ORDER BY digest
    ), counts = coalesce((
        SELECT jsonb_object_agg(kind, number) FROM (
            SELECT kind, sum(number::bigint) AS number FROM (
                SELECT * FROM jsonb_each_text(counts)
                UNION ALL SELECT * FROM jsonb_each_text(CAST(:counts AS jsonb))
            ) AS every (kind, number)
            GROUP BY kind
        ) AS total WHERE number > 0
    ), '{}')
    WHERE id = :id
    """
)


def begin(connection: Connection, task: Task, kind: str, subject_id: UUID, requested_by: UUID | None) -> bool:
    """Make the receipt of a job, which bears its id; whether the erasure is still to be done.

    It begins with what went when the job was asked for, in that transaction: ``gone`` among the job's arguments.
    """
    values = {"id": task.id, "org_id": task.org_id, "kind": kind, "subject_id": subject_id}
    gone = {what: number for what, number in task.arguments.get("gone", {}).items() if number}
    connection.execute(
        insert(erasure_receipt)
        .values(**values, requested_by=requested_by, counts=gone)
        .on_conflict_do_nothing()
    )
    return of(connection, task.id).finished_at is None


def of(connection: Connection, receipt_id: UUID) -> Row[Any]:
    """The receipt as it stands."""
    return connection.execute(select(erasure_receipt).where(_RECEIPT.id == receipt_id)).one()


def add(connection: Connection, receipt_id: UUID, erased: Erased) -> None:
    """Count what the caller's transaction takes away."""
    counts = {kind: number for kind, number in erased.counts.items() if number}
    if counts or erased.digests:
        connection.execute(
            _ADD, {"id": receipt_id, "counts": json.dumps(counts), "digests": sorted(erased.digests)}
        )


def purge(runtime: Runtime, org_id: UUID, receipt_id: UUID) -> None:
    """Delete the files that the receipt still names and nothing else refers to."""
    with runtime.database.organisation(org_id) as connection:
        digests = connection.execute(
            select(_RECEIPT.unpurged).where(_RECEIPT.id == receipt_id)
        ).scalar_one_or_none()
        if not digests:
            return
        unused = delete_unused(connection, runtime.objects, org_id, digests)
        connection.execute(update(erasure_receipt).where(_RECEIPT.id == receipt_id).values(unpurged=[]))
        add(connection, receipt_id, Erased({"files": len(unused)}))


def close(connection: Connection, receipt_id: UUID, action: Action) -> None:
    """Finish a receipt, once, with its entry in the audit log; last in the transaction."""
    closed = connection.execute(
        update(erasure_receipt)
        .where(_RECEIPT.id == receipt_id, _RECEIPT.finished_at.is_(None))
        .values(finished_at=func.now())
        .returning(erasure_receipt)
    ).one_or_none()
    if closed is not None:
        about = {"kind": closed.kind, "subject_id": str(closed.subject_id), "counts": closed.counts}
        audit.record(connection, audit.SYSTEM, action, "erasure_receipt", receipt_id, after=about)
