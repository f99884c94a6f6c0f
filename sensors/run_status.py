"""From runs back to job rows: status, and a row for what a person launched in the Dagster UI.

Read from the run table by time of update, not from Dagster's run-status sensors: those handle five runs a tick
of one status each, and a backlog can lose one.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import dagster as dg
from sqlalchemy import Connection, select

from drovi_assets.jobs import ATTEMPT_TAG, CONNECTION_TAG, JOB_TAG, WORK
from drovi_assets.partitions import FIRST_TAG, LAST_TAG, ONE_TAG, Partition
from drovi_assets.pipeline.runtime import Runtime
from resources import job_rows
from resources.errors import Invalid
from resources.schema import connection as connection_table
from sensors.cursors import RunsCursor

AT_ONCE = 200
PARENT_TAG = "dagster/parent_run_id"
_UNDER_WAY = frozenset(
    {dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING}
)

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


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


def stop(runtime: Runtime, instance: dg.DagsterInstance) -> int:
    """End the runs of jobs that were called off: those that wait for a worker, and those that work; how many that were.

    A worker that is at work stops by itself at its next turn; ended from here, it need not come to that.
    """
    with runtime.database.dispatch() as connection:
        called_off = job_rows.to_stop(connection)
    ended = 0
    for job_id in called_off:
        mine = dg.RunsFilter(tags={JOB_TAG: str(job_id)}, statuses=_UNFINISHED)
        for run in instance.get_runs(filters=mine):
            ended += instance.run_coordinator.cancel_run(run.run_id)
    return ended


def _job_of(connection: Connection, run: dg.DagsterRun) -> UUID | None:
    """The job row of a run: the one that asked for it, or one made for a run that a person launched."""
    known = run.tags.get(JOB_TAG)
    if (
        known and PARENT_TAG not in run.tags
    ):  # a run that was launched again in Dagster carries the first one's tags
        return UUID(known)
    if run.job_name.startswith("__") and partition_of(run) is None:
        return None  # Dagster's own, such as a step of its backfill daemon
    partition = partition_of(run)
    connection_id = partition.connection_id if partition else _connection_of(run)
    org_id = None
    if connection_id is not None:
        org_id = connection.execute(
            select(connection_table.c.org_id).where(connection_table.c.id == connection_id)
        ).scalar_one_or_none()
        if org_id is None:
            return None
    arguments: dict[str, Any] = {"job": run.job_name}
    if partition:
        arguments["partition"] = str(partition)
    if end := run.tags.get(LAST_TAG):
        arguments["last_partition"] = end
    return job_rows.ensure(
        connection,
        job_rows.Wanted(
            org_id,
            job_rows.MATERIALIZE,
            f"run:{run.run_id}",
            connection_id,
            arguments,
            run.run_id,
            max_attempts=1,  # only in Dagster can it be launched again
        ),
    )


def _connection_of(run: dg.DagsterRun) -> UUID | None:
    """The connection that a bulk run is configured with, or tagged with; None for the platform's own work."""
    ops = run.run_config.get("ops", {}) if isinstance(run.run_config, dict) else {}
    named = run.tags.get(CONNECTION_TAG) or ops.get(WORK, {}).get("config", {}).get("connection_id")
    try:
        return UUID(named) if named else None
    except ValueError:
        return None


def _tell(connection: Connection, job_id: UUID, run: dg.DagsterRun) -> None:
    own = JOB_TAG in run.tags and PARENT_TAG not in run.tags
    attempt = int(run.tags[ATTEMPT_TAG]) if own and ATTEMPT_TAG in run.tags else None
    match run.status:
        case status if status in _UNDER_WAY:
            job_rows.see(connection, job_id, run.run_id, attempt=attempt)
        case dg.DagsterRunStatus.SUCCESS:
            # It may have been too quick to be seen.
            job_rows.start(connection, [job_id], run_id=run.run_id, attempt=attempt)
            job_rows.succeed(connection, [job_id], attempt=attempt)
        case dg.DagsterRunStatus.CANCELED:
            job_rows.call_off(connection, [job_id], attempt=attempt)
        case dg.DagsterRunStatus.FAILURE if attempt is not None and _told_to_end(run):
            job_rows.interrupted(connection, job_id, attempt=attempt)
        case dg.DagsterRunStatus.FAILURE if attempt is not None and not _by_a_step(run):
            job_rows.lost(connection, [job_id], attempt=attempt)
        case dg.DagsterRunStatus.FAILURE if job_rows.halted(connection, job_id):
            # A switch came in between, and a job is not failed by it.
            job_rows.start(connection, [job_id], run_id=run.run_id, attempt=attempt)
            job_rows.hand_over(connection, job_id)
        case dg.DagsterRunStatus.FAILURE:
            job_rows.fail(
                connection, [job_id], "The run failed; its events in Dagster say why.", attempt=attempt
            )
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
