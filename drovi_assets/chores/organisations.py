"""Erasing a whole organisation, once its days of grace are over: sources, files, and then every row that names it.

Its receipt, counts alone, lives in the platform's own chain. Two things remain: the accounts of its people, which are
theirs, and the anchors of its audit log in the object store, which hold its id, numbers and hashes
(docs/decisions/0009-erasure.md). Dagster keeps partition keys, which are ids, until its own retention removes them.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update

from drovi_assets.chores import exports, receipts, sources
from drovi_assets.chores.contract import Step, Task
from drovi_assets.connectors import holds
from drovi_assets.connectors.erasing import Erased
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources import audit
from resources.audit import Action
from resources.database import enter
from resources.errors import Conflict
from resources.schema import connection as connection_table
from resources.schema import erasure_receipt, metadata, organisation

_ERASE_CHAIN = text("SELECT audit_erase(:org_id)")


def erase_organisation(runtime: Runtime, task: Task, deadline: Deadline) -> Step:
    """The chore; nobody is let in from its first step on.

    Raises:
        Conflict: a legal hold stands in the organisation, which is as it was then but for what went already.
    """
    requested_by = UUID(task.arguments["requested_by"])
    try:
        with runtime.database.organisation(task.org_id) as connection:
            receipts.begin(connection, task, "organisation", task.org_id, requested_by)
            holds.require_none(connection, holds.standing_anywhere())
            _set_status(connection, task.org_id, "erasing")
            source_ids = list(
                connection.execute(
                    select(connection_table.c.id)
                    .where(connection_table.c.org_id == task.org_id)
                    .order_by(connection_table.c.id)
                ).scalars()
            )
        for connection_id in source_ids:
            if not sources.erase(runtime, task.org_id, connection_id, task.id, deadline):
                return Step({"receipt": str(task.id)})
    except Conflict:
        with runtime.database.organisation(task.org_id) as connection:
            _set_status(connection, task.org_id, "active")
        raise
    exports.clear_all(runtime, task.org_id)
    # Not counted on the receipt before: what a writer left that was killed is among it.
    files = runtime.objects.clear(str(task.org_id))
    with runtime.database.organisation(task.org_id) as connection:
        receipts.add(connection, task.id, Erased({"files": files}))
        _erase_rows(connection, task.org_id, task.id)
    return Step({"receipt": str(task.id)}, finished=True)


def _set_status(connection: Connection, org_id: UUID, status: str) -> None:
    connection.execute(update(organisation).where(organisation.c.id == org_id).values(status=status))


def _erase_rows(connection: Connection, org_id: UUID, receipt_id: UUID) -> None:
    """Everything in one transaction, the receipt included: it is there once nothing else is."""
    receipts.add(connection, receipt_id, Erased(_counts(connection, org_id)))
    kept = receipts.of(connection, receipt_id)
    connection.execute(delete(erasure_receipt).where(erasure_receipt.c.org_id == org_id))
    connection.execute(delete(organisation).where(organisation.c.id == org_id))
    entries = connection.execute(_ERASE_CHAIN, {"org_id": org_id}).scalar_one()
    counts = {**kept.counts, "audit_entry": entries}
    enter(connection, audit.PLATFORM)
    connection.execute(
        insert(erasure_receipt).values(
            id=receipt_id,
            org_id=audit.PLATFORM,
            kind=kept.kind,
            subject_id=org_id,
            counts=counts,
            requested_by=kept.requested_by,
            requested_at=kept.requested_at,
            finished_at=func.now(),
        )
    )
    audit.record(
        connection,
        audit.SYSTEM,
        Action.ORGANISATION_DELETED,
        "organisation",
        org_id,
        after={"counts": counts},
    )


def _counts(connection: Connection, org_id: UUID) -> dict[str, int]:
    """How many rows each table has that background work may read; sessions and keys go uncounted, with the rest."""
    return {
        table.name: connection.execute(
            select(func.count()).select_from(table).where(table.c.org_id == org_id)
        ).scalar_one()
        for table in metadata.sorted_tables
        if "org_id" in table.c and _readable(table)
    }


def _readable(table: Table) -> bool:
    return "SELECT" in table.info["worker"] and not table.name.startswith("audit_")
