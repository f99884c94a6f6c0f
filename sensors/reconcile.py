"""Reconcile: what a crash left lying, what was done without Dagster, and what is due by the day.

Dead workers' runs and jobs are ended, partitions read by the command line are told, schedules
become jobs and are mended, and the audit log is anchored every hour: here, since a look for what is due is one query, and a
schedule of Dagster's would cost a run.

The default launcher cannot tell that a worker died together with its code server: its run would stay "started" for
hours. A worker that lives renews its job's lease or its connection's; one that renews neither is dead. A bulk run
names its worker, and one that is gone from this machine need not be waited for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import dagster as dg
from sqlalchemy import func, select

from drovi_assets.assets.connectors import RUNTIME, keys_of
from drovi_assets.chores.periodic import PERIODIC
from drovi_assets.connectors.committing import LIVE
from drovi_assets.connectors.runtime import is_gone
from drovi_assets.connectors.sweeping import SCOPE as SWEEP
from drovi_assets.jobs import CONNECTION_TAG, JOB_TAG, WORKER_TAG
from drovi_assets.partitions import Partition, windows_of
from drovi_assets.pipeline.runtime import Runtime
from resources import job_rows, kill_switches, schedules
from resources.audit import anchor
from resources.errors import DroviError
from resources.schema import connection as connection_table
from resources.schema import connection_lease, organisation, stream_cursor
from resources.telemetry import get_logger, metrics
from sensors.run_status import partition_of

SILENT = timedelta(seconds=150)
"""A run without an event, and without a lease, for this long is dead: a stage's wait for its turn is 120 s."""
_log = get_logger(__name__)


@dg.sensor(
    name="reconcile",
    description=__doc__,
    minimum_interval_seconds=14,
    default_status=dg.DefaultSensorStatus.RUNNING,
    required_resource_keys={RUNTIME},
)
@metrics.ticking("reconcile")
def reconcile(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """One tick."""
    runtime: Runtime = getattr(context.resources, RUNTIME)()
    ended = end_dead_runs(runtime, context.instance)
    requeued = requeue_silent_jobs(runtime, context.instance)
    anchored = anchor_audit_log(runtime)
    with runtime.database.dispatch() as connection:
        by_the_clock = schedules.reconcile(connection, PERIODIC)
        kill_switches.show(connection)
        runtime.events.prune(connection)
    elsewhere = read_elsewhere(runtime, context.instance)
    done = f"{ended} dead runs ended, {requeued} jobs requeued, {anchored} audit chains anchored, {by_the_clock.asked} jobs asked for by the clock."
    return dg.SensorResult(
        skip_reason=None if elsewhere else done,
        asset_events=[event for connector, key in elsewhere for event in _told(connector, key)],
        dynamic_partitions_requests=[
            windows_of(connector).build_add_request([key]) for connector, key in elsewhere
        ],
    )


def anchor_audit_log(runtime: Runtime) -> int:
    """How many chains were anchored; what has expired is forgotten by the same clock. A store that does not answer holds nothing else up: the next tick tries again."""
    try:
        anchored = anchor(runtime.database, runtime.objects)
        if anchored:  # by the hour, and not where nobody did anything
            with runtime.database.dispatch() as connection:
                connection.execute(select(func.forget_expired()))
    except DroviError as error:
        _log.warning("the audit log could not be anchored", error=str(error))
        return 0
    return anchored


def read_elsewhere(runtime: Runtime, instance: dg.DagsterInstance) -> list[tuple[str, str]]:
    """Connector and key of partitions that were read without Dagster, by the command line, and are not known to it.

    One query over a row for each window and stream, for every organisation.
    """
    with runtime.database.dispatch() as connection:
        org_ids = connection.execute(select(organisation.c.id)).scalars().all()
    found: list[tuple[str, str]] = []
    for org_id in org_ids:
        query = (
            select(connection_table.c.connector, connection_table.c.id, stream_cursor.c.scope)
            .join(stream_cursor, stream_cursor.c.connection_id == connection_table.c.id)
            .where(
                connection_table.c.org_id == org_id,
                stream_cursor.c.complete,
                stream_cursor.c.scope.not_in((LIVE, SWEEP)),
            )
            .distinct()
        )
        with runtime.database.organisation(org_id) as connection:
            found += [(row.connector, str(Partition(row.id, row.scope))) for row in connection.execute(query)]
    return [
        (connector, key)
        for connector, key in sorted(found)
        if not instance.has_dynamic_partition(str(windows_of(connector).name), key)
    ]


def _told(connector: str, key: str) -> list[dg.AssetMaterialization]:
    told = {"by": "the command line"}
    return [
        dg.AssetMaterialization(asset_key=asset, partition=key, metadata=told) for asset in keys_of(connector)
    ]


def end_dead_runs(runtime: Runtime, instance: dg.DagsterInstance, silent: timedelta = SILENT) -> int:
    """Report runs as failed whose worker is gone or shows no sign of life; their jobs are asked for again."""
    under_way = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    stale = datetime.now(UTC) - silent
    ended = 0
    for record in instance.get_run_records(filters=dg.RunsFilter(statuses=under_way)):
        run = record.dagster_run
        if not is_gone(run.tags.get(WORKER_TAG, "")) and (
            record.update_timestamp > stale
            or _last_event(instance, run.run_id) > stale.timestamp()
            or _held(runtime, run)
        ):
            continue
        _log.warning("run ended: its worker is dead", run=run.run_id)
        instance.report_run_failed(run, "Its worker died; nothing was heard of it.")
        ended += 1
    return ended


def requeue_silent_jobs(runtime: Runtime, instance: dg.DagsterInstance) -> int:
    """Queue again the jobs whose worker is gone without a run to tell of it: a tick that was killed, for one."""
    with runtime.database.dispatch() as connection:
        silent = [
            row.id
            for row in job_rows.silent(connection)
            if row.dagster_run_id is None or _over(instance, row.dagster_run_id)
        ]
        job_rows.lost(connection, silent)
    metrics.taken_over("job", len(silent))
    return len(silent)


def _over(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished


def _last_event(instance: dg.DagsterInstance, run_id: str) -> float:
    connection = instance.get_records_for_run(run_id, limit=1, ascending=False)
    return max((record.timestamp for record in connection.records), default=0.0)


def _held(runtime: Runtime, run: dg.DagsterRun) -> bool:
    """Whether somebody works on the run's connection or job: then it may be this run's worker."""
    partition = partition_of(run)
    connection_id = UUID(run.tags[CONNECTION_TAG]) if CONNECTION_TAG in run.tags else None
    connection_id = connection_id or (partition.connection_id if partition else None)
    with runtime.database.dispatch() as connection:
        if (job_id := run.tags.get(JOB_TAG)) and job_rows.alive(connection, UUID(job_id)):
            return True
        leased = select(connection_lease.c.connection_id).where(
            connection_lease.c.connection_id == connection_id,
            connection_lease.c.expires_at > func.clock_timestamp(),
            # A tick of this process, a live sync of the same connection, is not the run's worker.
            connection_lease.c.holder != runtime.sources.holder,
        )
        return connection.execute(leased).first() is not None
