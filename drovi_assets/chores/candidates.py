"""Candidates for another reading: documents that an earlier extractor read are read again by the one that is in use now.

After a new version everything an organisation has is a candidate. It is worked off source by source in the turns of each,
little by little, so that live syncs come first; what is found again keeps its identity, and a document is a
candidate no more once it was read.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, or_, select, update

from drovi_assets.chores.contract import Step, Task
from drovi_assets.chores.sources import turn_within
from drovi_assets.deadline import Deadline
from drovi_assets.intelligence.extract import EXTRACTOR_VERSION
from drovi_assets.pipeline.objects import write_objects
from drovi_assets.pipeline.runtime import Runtime
from resources.schema import document, record, source_item

BATCH = 20
"""Documents a transaction, and a turn on their source."""

# Two ranges of the index, where "is another" would be a walk over everything.
_OF_ANOTHER_VERSION = or_(
    document.c.extractor_version < EXTRACTOR_VERSION, document.c.extractor_version > EXTRACTOR_VERSION
)


def read_again(runtime: Runtime, task: Task, deadline: Deadline) -> Step:
    """The chore. A source that is busy is left for the next step."""
    done = int(task.progress.get("documents", 0))
    while True:
        with runtime.database.organisation(task.org_id) as connection:
            connection_id = _source_of_next(connection, task.org_id)
        if connection_id is None:
            return Step({"documents": done}, finished=True)
        with turn_within(runtime, task.org_id, connection_id, deadline) as lease:
            if lease is None:
                return Step({"documents": done})
            with runtime.database.organisation(task.org_id) as connection:
                lease.renew(connection)
                done += _read_batch(connection, task.org_id, connection_id)
        if deadline.left <= 0:
            return Step({"documents": done})


def _source_of_next(connection: Connection, org_id: UUID) -> UUID | None:
    query = (
        select(source_item.c.connection_id)
        .select_from(document)
        .join(record, record.c.id == document.c.record_id)
        .join(source_item, source_item.c.id == record.c.source_item_id)
        .where(document.c.org_id == org_id, _OF_ANOTHER_VERSION)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def _read_batch(connection: Connection, org_id: UUID, connection_id: UUID) -> int:
    query = (
        select(document.c.id)
        .join(record, record.c.id == document.c.record_id)
        .join(source_item, source_item.c.id == record.c.source_item_id)
        .where(document.c.org_id == org_id, source_item.c.connection_id == connection_id, _OF_ANOTHER_VERSION)
        .limit(BATCH)
    )
    ids = connection.execute(query).scalars().all()
    write_objects(connection, org_id, ids)
    connection.execute(
        update(document).where(document.c.id.in_(ids)).values(extractor_version=EXTRACTOR_VERSION)
    )
    return len(ids)
