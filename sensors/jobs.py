"""Job rows and runs, kept in step both ways by one sensor: what runs did, what is to be run, and what needs no run."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from drovi_assets.assets.connectors import RUNTIME
from drovi_assets.chores import webhooks
from drovi_assets.chores.letters import deliver
from drovi_assets.chores.work import work
from drovi_assets.deadline import Budget
from drovi_assets.jobs import JOBS
from drovi_assets.pipeline.runtime import Runtime
from drovi_assets.schedules import checks_job
from resources.telemetry import metrics
from sensors import job_requests, run_status
from sensors.cursors import RunsCursor

CHORE_SECONDS = 10.0
LETTER_SECONDS = 5.0
WEBHOOK_SECONDS = 3.0


@dg.sensor(
    name="jobs",
    description=__doc__,
    jobs=[*JOBS, checks_job],
    minimum_interval_seconds=3,
    default_status=dg.DefaultSensorStatus.RUNNING,
    required_resource_keys={RUNTIME},
)
@metrics.ticking("jobs")
def jobs(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """One tick."""
    runtime: Runtime = getattr(context.resources, RUNTIME)()
    before = RunsCursor.parse(context.cursor, datetime.now(UTC))
    after = run_status.follow(runtime, context.instance, before)
    run_status.stop(runtime, context.instance)
    runs, partitions = job_requests.requests(runtime, context.instance)
    deliver(runtime, Budget.of(LETTER_SECONDS))
    webhooks.deliver(runtime, Budget.of(WEBHOOK_SECONDS))
    work(runtime, Budget.of(CHORE_SECONDS))
    return dg.SensorResult(run_requests=runs, dynamic_partitions_requests=partitions, cursor=after.text())
