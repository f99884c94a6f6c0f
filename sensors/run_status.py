"""From runs back to job rows: status, and a row for what a person launched in the Dagster UI.

Read from the run table by time of update, not from Dagster's run-status sensors: those handle five runs a tick
of one status each, and a backlog can lose one.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import dagster as dg
from sqlalchemy import Connection, select

from drovi_assets.jobs import ATTEMPT_TAG, JOB_TAG
from drovi_assets.partitions import FIRST_TAG, LAST_TAG, ONE_TAG, Partition
from drovi_assets.pipeline.runtime import Runtime
from resources import job_rows
from resources.errors import Invalid
from resources.schema import connection as connection_table
from sensors.cursors import RunsCursor

AT_ONCE = 200
MATERIALIZE = "materialize"
"""The kind of job that stands for a run a person launched."""
_UNDER_WAY = frozenset(
    {dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING}
)


def follow(runtime: Runtime, instance: dg.DagsterInstance, cursor: RunsCursor) -> RunsCursor:
    """Bring job rows up to what the run table says since the cursor; returns the cursor after it."""
    records = instance.get_run_records(
        filters=dg.RunsFilter(updated_after=cursor.since),
        limit=AT_ONCE,
        order_by="update_timestamp",
        ascending=True,
    )
    with runtime.database.dispatch() as connection:
        for record in records:
            if job_id := _job_of(connection, record.dagster_run):
                _tell(connection, job_id, record.dagster_run)
    return cursor.after([record.update_timestamp for record in records])


def partition_of(run: dg.DagsterRun) -> Partition | None:
    """The partition a run is for, the first of them where there are several; None where it is for none."""
    for tag in (ONE_TAG, FIRST_TAG):
        if key := run.tags.get(tag):
            try:
                return Partition.parse(key)
            except Invalid:
                return None
    return None


def _job_of(connection: Connection, run: dg.DagsterRun) -> UUID | None:
    """The job row of a run: the one that asked for it, or one made for a run that a person launched."""
    if known := run.tags.get(JOB_TAG):
        return UUID(known)
    partition = partition_of(run)
    if partition is None:
        return None
    org_id = connection.execute(
        select(connection_table.c.org_id).where(connection_table.c.id == partition.connection_id)
    ).scalar_one_or_none()
    if org_id is None:
        return None
    arguments: dict[str, Any] = {"job": run.job_name, "partition": str(partition)}
    if end := run.tags.get(LAST_TAG):
        arguments["last_partition"] = end
    return job_rows.ensure(
        connection,
        job_rows.Wanted(
            org_id, MATERIALIZE, f"run:{run.run_id}", partition.connection_id, arguments, run.run_id
        ),
    )


def _tell(connection: Connection, job_id: UUID, run: dg.DagsterRun) -> None:
    match run.status:
        case status if status in _UNDER_WAY:
            job_rows.see(connection, job_id, run.run_id)
        case dg.DagsterRunStatus.SUCCESS:
            job_rows.start(connection, [job_id], run_id=run.run_id)  # it may have been too quick to be seen
            job_rows.succeed(connection, [job_id])
        case dg.DagsterRunStatus.CANCELED:
            job_rows.cancel(connection, [job_id])
        case dg.DagsterRunStatus.FAILURE if ATTEMPT_TAG in run.tags and _told_to_end(run):
            job_rows.interrupted(connection, job_id, attempt=int(run.tags[ATTEMPT_TAG]))
        case dg.DagsterRunStatus.FAILURE if ATTEMPT_TAG in run.tags and not _by_a_step(run):
            job_rows.lost(connection, [job_id], attempt=int(run.tags[ATTEMPT_TAG]))
        case dg.DagsterRunStatus.FAILURE:
            job_rows.fail(connection, [job_id], "The run failed; its events in Dagster say why.")
        case _:
            pass


def _by_a_step(run: dg.DagsterRun) -> bool:
    """Whether one of our errors ended the run; else its worker died, or never began."""
    return _reason(run) == "STEP_FAILURE"


def _told_to_end(run: dg.DagsterRun) -> bool:
    """Whether its worker got SIGTERM and could still say so: a deploy, and nobody's failure."""
    return _reason(run) == "UNEXPECTED_TERMINATION"


def _reason(run: dg.DagsterRun) -> str | None:
    return run.tags.get("dagster/failure_reason")
