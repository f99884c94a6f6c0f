"""The Dagster job that consumes an exact range of offsets: a backlog that ticks would take too long over, or a stretch again.

Launched from the UI with ``again`` it handles a range once more that was consumed before, to no second effect.
"""

# Annotations are not postponed in this module: Dagster reads those of the functions it wraps as they are.

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

import dagster as dg

from drovi_assets.assets.connectors import RUNTIME
from drovi_assets.consumers import ranges
from drovi_assets.consumers.consume import Step
from drovi_assets.consumers.ranges import Range
from drovi_assets.consumers.registry import CONSUMERS, stopped
from drovi_assets.deadline import Budget
from drovi_assets.failures import classified
from drovi_assets.jobs import MAX_RUNTIME, materializations, register
from drovi_assets.partitions import Partition
from drovi_assets.pipeline.runtime import Runtime
from resources import job_rows

CONSUME_RANGE = "consume_range"
WORK = "work_off"
NOTED_SECONDS = 5.0


@dg.op(
    name=WORK,
    required_resource_keys={RUNTIME},
    config_schema={
        "group": str,
        "topic": str,
        "partition": int,
        "start": int,
        "end": int,
        "again": dg.Field(bool, default_value=False),
        "job_id": dg.Field(str, default_value=""),
    },
)
def _work_off(context: dg.OpExecutionContext) -> None:
    """Consume a range of offsets; what was consumed of it already is handled anew where ``again`` says so."""
    runtime: Runtime = getattr(context.resources, RUNTIME)()
    wanted = ranges.parse(context.op_config)
    job_id = UUID(context.op_config["job_id"]) if context.op_config["job_id"] else None
    if job_id is not None:
        with runtime.database.dispatch() as connection:
            job_rows.start(connection, [job_id], run_id=context.run_id)
    noted = time.monotonic()

    def progress(step: Step) -> None:
        nonlocal noted
        if job_id is not None and time.monotonic() - noted > NOTED_SECONDS:
            job_rows.note(runtime.database, job_id, figures(step))
            noted = time.monotonic()

    deadline = Budget.of(MAX_RUNTIME)
    with classified(context.retry_number):
        if context.op_config["again"]:
            step = ranges.again(runtime, wanted, CONSUMERS, deadline, stopped=stopped)
        else:
            step, _ = ranges.catch_up(
                runtime, wanted, CONSUMERS, deadline, stopped=stopped, progress=progress
            )
    for connector, connection_id, done in step.derived:
        register(context.instance, connector, (Partition(connection_id, name) for name in done.derived))
        for materialization in materializations(connector, connection_id, done):
            context.log_event(materialization)
    context.add_output_metadata(figures(step))


@dg.job(name=CONSUME_RANGE, description=_work_off.__doc__, tags={"dagster/max_runtime": str(MAX_RUNTIME)})
def range_job() -> None:
    """One op: it takes the partition a batch at a time."""
    _work_off()


def figures(step: Step) -> dict[str, int]:
    """What a step did, in numbers, for progress and metadata."""
    return {
        "read": step.read,
        "handled": step.handled,
        "repeated": step.repeated,
        "skipped": step.skipped,
        "later": step.later,
        "retried": step.retried,
        "dead": step.dead,
    }


def range_config(wanted: Range, job_id: UUID) -> Mapping[str, Any]:
    """The run configuration for a range that a job row asks for."""
    return {"ops": {WORK: {"config": {**asdict(wanted), "job_id": str(job_id)}}}}
