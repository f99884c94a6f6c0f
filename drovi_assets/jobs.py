"""Dagster jobs: the bulk run of one connection, and the replay of one partition.

A bulk run reads a connection's history and derives from it, newest window first, many windows a run: the start of a
run costs three CPU-seconds, and stage by stage over all windows nothing would be found before everything is. It
works in turns of seconds, so that live syncs of the same connection come in between, and reports to the
connector's assets, partition by partition, as they are done.
"""

# Annotations are not postponed in this module: Dagster reads those of the functions it wraps as they are.

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import dagster as dg
from sqlalchemy import func, select

from drovi_assets.assets.connectors import RUNTIME, figures, keys_of
from drovi_assets.automation import Done, derive_pending, forget_history, read_history
from drovi_assets.connectors.registry import CONNECTORS
from drovi_assets.connectors.windows import Part
from drovi_assets.failures import classified
from drovi_assets.partitions import Partition, windows_of
from drovi_assets.pipeline.runtime import Runtime
from resources import job_rows
from resources.database import sole
from resources.errors import CalledOff, Halted
from resources.job_rows import Backfill
from resources.schema import connection as connection_table
from resources.schema import job

CONNECTION_TAG = "drovi/connection"
"""``dagster.yaml`` lets one run with the same value go at a time."""
JOB_TAG = "drovi/job"
"""The id of the job row that a run carries out."""
ATTEMPT_TAG = "drovi/attempt"
"""How many attempts the job had behind it when the run was asked for."""
WORKER_TAG = "drovi/worker"
"""The process that works on a run, named as the holder of a lease is."""
BULK = "bring_up_to_date"
WORK = "work_in_turns"
MAX_RUNTIME = 6 * 3600
SLICE_SECONDS = 3600.0


def replay_name(connector: str) -> str:
    """The job that materialises one partition of a connector again."""
    return f"replay_{connector}"


def replay_job(connector: str) -> Any:  # Dagster does not export the type that define_asset_job gives
    """The chain of a connector, one partition a run."""
    return dg.define_asset_job(
        replay_name(connector),
        # Without the checks, whose import alone takes eight CPU-seconds: they run at night, or when asked for.
        selection=dg.AssetSelection.assets(*keys_of(connector)).without_checks(),
        description="Materialise a partition from its source: read what is missing, derive everything again.",
        tags={"dagster/max_runtime": str(MAX_RUNTIME)},
    )


@dg.op(
    name=WORK,
    required_resource_keys={RUNTIME},
    config_schema={"connection_id": str, "job_id": dg.Field(str, default_value="")},
)
def _bring_up_to_date(context: dg.OpExecutionContext) -> None:
    """Read and derive all of a connection's history, newest first, and whatever else is pending; or the part asked for."""
    runtime: Runtime = getattr(context.resources, RUNTIME)()
    connection_id = UUID(context.op_config["connection_id"])
    job_id = UUID(context.op_config["job_id"]) if context.op_config["job_id"] else None
    done = Done()
    context.instance.add_run_tags(context.run_id, {WORKER_TAG: runtime.sources.holder})
    bulk = _Bulk(runtime, connection_id, job_id, done)
    with classified(context.retry_number):
        connector = bulk.begin(context.run_id)
        try:
            bulk.work(context.log.info)
        except (CalledOff, Halted) as error:
            if job_id is None:
                raise
            with runtime.database.dispatch() as connection:
                # Cancelled, where that was asked for; else it is queued, and asked for again once the switch is released.
                job_rows.hand_over(connection, job_id)
            context.log.info("%s Done so far: %s", error, done.summary())
    register(context.instance, connector, (Partition(connection_id, name) for name in done.derived))
    for materialization in materializations(connector, connection_id, done):
        context.log_event(materialization)
    context.add_output_metadata(done.summary())


@dataclass(frozen=True)
class _Bulk:
    """The work of one bulk run, on behalf of a job row where one asked for it."""

    runtime: Runtime
    connection_id: UUID
    job_id: UUID | None
    done: Done

    def begin(self, run_id: str) -> str:
        """Tell the job row that it is under way; returns the connection's connector."""
        with self.runtime.database.dispatch() as connection:
            if self.job_id is not None:
                job_rows.start(connection, [self.job_id], run_id=run_id)
            query = select(connection_table.c.connector).where(connection_table.c.id == self.connection_id)
            connector: str = sole(connection.execute(query).scalars().all(), "connection")
            return connector

    def work(self, log: Callable[..., object]) -> None:
        """In slices, until nothing is left; raises ``CalledOff`` and ``Halted`` where everything is committed."""
        self._go_on()
        asked, org_id, since = self._asked()
        only = Part(asked.stream, asked.window)
        if asked.full_refresh:
            forget_history(self.runtime, self.connection_id, only=only, before=since)
        work = (self.runtime, org_id, self.connection_id, self.done)
        while not read_history(*work, budget=SLICE_SECONDS, progress=self._go_on, only=only):
            log("history: %s", self.done.summary())
        while not derive_pending(*work, budget=SLICE_SECONDS, progress=self._go_on):
            log("pending: %s", self.done.summary())
        self._go_on()

    def _go_on(self) -> None:
        if self.job_id is not None:
            job_rows.note(self.runtime.database, self.job_id, self.done.summary())

    def _asked(self) -> tuple[Backfill, UUID, datetime]:
        """What of the history is to be read, whose it is, and since when this is under way."""
        query = select(
            connection_table.c.org_id,
            job.c.arguments,
            func.coalesce(job.c.started_at, func.now()).label("since"),
        ).outerjoin_from(connection_table, job, job.c.id == self.job_id)
        with self.runtime.database.dispatch() as connection:
            row = connection.execute(query.where(connection_table.c.id == self.connection_id)).one()
        return Backfill.of(self.connection_id, row.arguments or {}), row.org_id, row.since


@dg.job(name=BULK, description=_bring_up_to_date.__doc__, tags={"dagster/max_runtime": str(MAX_RUNTIME)})
def bulk_job() -> None:
    """One op: its work is in turns of its own."""
    _bring_up_to_date()


JOBS = [bulk_job, *map(replay_job, CONNECTORS)]
"""Every job there is: what a sensor may ask for must be named to it."""


def bulk_config(connection_id: UUID, job_id: UUID) -> Mapping[str, object]:
    """The run configuration of a bulk run."""
    return {"ops": {WORK: {"config": {"connection_id": str(connection_id), "job_id": str(job_id)}}}}


def register(instance: dg.DagsterInstance, connector: str, partitions: Iterable[Partition]) -> None:
    """Make the partitions known to Dagster; of no effect on those it knows."""
    keys = sorted(map(str, partitions))
    if keys:
        instance.add_dynamic_partitions(str(windows_of(connector).name), keys)


def materializations(connector: str, connection_id: UUID, done: Done) -> list[dg.AssetMaterialization]:
    """What was done, told to each asset of the connector's chain, partition by partition."""
    return [
        dg.AssetMaterialization(
            asset_key=key, partition=str(Partition(connection_id, window)), metadata=dict(figures(report))
        )
        for window, report in sorted(done.derived.items(), reverse=True)
        for key in keys_of(connector)
    ]
