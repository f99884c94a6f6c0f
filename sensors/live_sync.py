"""Live sync: what changed at the sources is read, derived and findable, inside the tick and within its budget.

Organisations take turns, and in each of them connections, the one that waited longest first: ten thousand sources of one
are not in front of somebody else's only one, which is found due while the tick goes on. A connection's first tick also begins with its history,
newest window first; what a tick cannot finish is left to a bulk run, asked for through a job row. A
connection that fails is left to its schedule, and the others go on. A history that is called off stops there, and what
was read answers whoever asked for a sync. A private one whose owner is no member of the
organisation any more waits until they are.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import dagster as dg
from sqlalchemy import ColumnElement, Row, Text, cast, func, or_, select, update

from drovi_assets.assets.connectors import RUNTIME
from drovi_assets.automation import (
    TURN_SECONDS,
    Done,
    count_pending,
    derive_pending,
    read_history,
    read_live,
)
from drovi_assets.deadline import Budget
from drovi_assets.jobs import materializations
from drovi_assets.partitions import Partition, windows_of
from drovi_assets.pipeline.runtime import Runtime
from resources import job_rows, kill_switches
from resources.errors import CalledOff, DroviError, Halted, Refused, Transient
from resources.schema import connection as connection_table
from resources.schema import job, organisation
from resources.telemetry import get_logger, metrics

TICK_SECONDS = 15.0
PATIENCE_SECONDS = 8.0
"""How long a tick waits for its turn on a connection: more than a bulk turn takes."""
CONNECTIONS = 50
LOOK_SECONDS = 1.0
"""After this long a tick asks anew who is due: who came meanwhile waits no longer, and the look grows with what is due."""
RUN_WORTH = 100
"""Pending items from which a run, which costs three CPU-seconds to begin, is worth it; fewer wait for the next tick."""
AFTER_DEFECT = timedelta(seconds=60)

SYNC, BACKFILL = "sync", "backfill"
_log = get_logger(__name__)


@dataclass(slots=True)
class Tick:
    """What one tick did: by connection, and what Dagster is to be told."""

    served: int = 0
    failed: int = 0
    done: list[tuple[str, UUID, Done]] = field(default_factory=list)

    def events(self) -> list[dg.AssetMaterialization]:
        """A materialisation for each asset and partition touched."""
        return [
            event
            for connector, connection_id, done in self.done
            for event in materializations(connector, connection_id, done)
        ]

    def partitions(self, instance: dg.DagsterInstance) -> list[dg.AddDynamicPartitionsRequest]:
        """Requests for the partitions touched that Dagster does not know yet."""
        requests = []
        for connector, connection_id, done in self.done:
            definition = windows_of(connector)
            keys = [str(Partition(connection_id, window)) for window in done.derived]
            new = [key for key in keys if not instance.has_dynamic_partition(str(definition.name), key)]
            if new:
                requests.append(definition.build_add_request(new))
        return requests


@dg.sensor(
    name="live_sync",
    description=__doc__,
    minimum_interval_seconds=3,  # the daemon's loop is 5 s: an interval of 5 would alias to 10
    default_status=dg.DefaultSensorStatus.RUNNING,
    required_resource_keys={RUNTIME},
)
@metrics.ticking("live_sync")
def live_sync(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One tick."""
    runtime: Runtime = getattr(context.resources, RUNTIME)()
    tick = run_tick(runtime, Budget.of(TICK_SECONDS))
    events = tick.events()
    if not events:
        return dg.SkipReason(f"{tick.served} connections read, {tick.failed} failed: nothing new.")
    return dg.SensorResult(asset_events=events, dynamic_partitions_requests=tick.partitions(context.instance))


def run_tick(runtime: Runtime, budget: Budget) -> Tick:
    """Serve the connections that are due until the budget is spent; who is left out comes first next time."""
    tick = Tick()
    left_alone: set[UUID] = set()
    while not budget.spent and (rows := due(runtime, left_alone)):
        looked = time.monotonic()
        for number, row in enumerate(rows):
            if budget.spent or (number and time.monotonic() - looked > LOOK_SECONDS):
                break
            done = Done()
            tick.served += 1
            if not _serve(runtime, row, done, budget.share(len(rows) - number)):
                tick.failed += 1
                left_alone.add(row.id)
            if done.derived:
                tick.done.append((row.connector, row.id, done))
    return tick


def due(runtime: Runtime, but: Collection[UUID] = ()) -> Sequence[Row[Any]]:
    """Whom a tick serves next, in that order; ``but`` those that failed in it, and no others that anything holds back."""
    history = select(job.c.status).where(
        job.c.org_id == connection_table.c.org_id,
        job.c.idempotency_key == _history_key(connection_table.c.id),
    )
    asked = connection_table.c.id.in_(
        select(job.c.connection_id).where(
            job.c.kind == SYNC, job.c.status == "queued", job.c.connection_id.is_not(None)
        )
    )
    # A private source is its owner's: while they are no member, there is nobody to read it for. It waits for them.
    somebody_reads = or_(
        connection_table.c.visibility == "ORG_SHARED",
        func.is_member(connection_table.c.org_id, connection_table.c.owner_id),
    )
    own_order = (asked.desc(), connection_table.c.next_sync_at)
    turns = (
        select(
            connection_table.c.id,
            func.row_number().over(partition_by=connection_table.c.org_id, order_by=own_order).label("turn"),
        )
        .join(organisation, organisation.c.id == connection_table.c.org_id)
        .where(
            organisation.c.status == "active",
            connection_table.c.status == "active",
            or_(connection_table.c.next_sync_at <= func.now(), asked),
            connection_table.c.id.not_in(but),
            somebody_reads,
            ~kill_switches.connection_stopped(),
        )
        .subquery()
    )
    query = (
        select(connection_table, history.scalar_subquery().label("history"))
        .join(turns, turns.c.id == connection_table.c.id)
        .order_by(turns.c.turn, connection_table.c.next_sync_at)
        .limit(CONNECTIONS)
    )
    with runtime.database.dispatch() as connection:
        return connection.execute(query).all()


def _serve(runtime: Runtime, row: Row[Any], done: Done, budget: Budget) -> bool:
    """Bring one connection up to date as far as the budget goes; false where it failed."""
    with runtime.database.dispatch() as connection:
        asked = _asked(connection, row.id)
        job_rows.start(connection, asked, seconds=job_rows.TICK_SECONDS)
    try:
        read_live(runtime, row.id, done, patience=min(PATIENCE_SECONDS, budget.left), budget=budget.left)
        if row.history in {None, "failed"}:
            _begin_history(runtime, row, done, budget)
        _derive(runtime, row, done, budget)
    except DroviError as error:
        _log.warning("connection not synced", connection=str(row.id), error=str(error))
        _left_to_schedule(runtime, row, asked, error)
        return False
    except Exception as error:  # noqa: BLE001 - a defect in one connector must not stop the others
        _log.exception("connection not synced", connection=str(row.id))
        _left_to_schedule(runtime, row, asked, error)
        return False
    with runtime.database.dispatch() as connection:
        job_rows.heed(connection, asked)
        job_rows.succeed(connection, asked, done.summary())
    return True


def _begin_history(runtime: Runtime, row: Row[Any], done: Done, budget: Budget) -> None:
    """Read as much of the history as this tick can; a run goes on where it stops, and nobody where it is called off."""
    with runtime.database.dispatch() as connection:
        wanted = job_rows.Wanted(row.org_id, BACKFILL, f"history:{row.id}", row.id)
        job_id = job_rows.ensure(connection, wanted)
        job_rows.restart(connection, job_id)
    complete = False
    try:
        complete = read_history(
            runtime,
            row.org_id,
            row.id,
            done,
            budget=budget.left,
            patience=min(PATIENCE_SECONDS, budget.left),
            progress=lambda: job_rows.note(
                runtime.database, job_id, done.summary(), seconds=job_rows.TICK_SECONDS
            ),
        )
    except CalledOff:
        _log.info("history called off", connection=str(row.id), job=str(job_id))
    finally:
        with runtime.database.dispatch() as connection:
            if complete:
                job_rows.succeed(connection, [job_id], done.summary())
            else:
                job_rows.hand_over(connection, job_id)


def _derive(runtime: Runtime, row: Row[Any], done: Done, budget: Budget) -> None:
    """Derive what is pending; where much is, a run is asked for and only what came last is derived here."""
    with runtime.database.dispatch() as connection:
        running = job_rows.unfinished(connection, row.id, BACKFILL)
    seconds = min(budget.left, TURN_SECONDS) if running else budget.left
    finished = derive_pending(
        runtime, row.org_id, row.id, done, budget=seconds, patience=min(PATIENCE_SECONDS, budget.left)
    )
    if (
        finished
        or running
        or count_pending(runtime, row.org_id, row.id, RUN_WORTH, but=done.failed) < RUN_WORTH
    ):
        return
    with runtime.database.dispatch() as connection:
        job_rows.ensure(
            connection, job_rows.Wanted(row.org_id, BACKFILL, f"pending:{row.id}:{uuid4()}", row.id)
        )


def _asked(connection: Any, connection_id: UUID) -> list[UUID]:
    """Queued requests to sync this connection; a sync that begins now answers them all."""
    query = select(job.c.id).where(
        job.c.connection_id == connection_id, job.c.kind == SYNC, job.c.status == "queued"
    )
    return list(connection.execute(query).scalars())


def _left_to_schedule(runtime: Runtime, row: Row[Any], asked: Sequence[UUID], error: Exception) -> None:
    with runtime.database.dispatch() as connection:
        job_rows.heed(connection, asked)
        if isinstance(error, Halted):
            job_rows.put_back(connection, asked)
            return
        if isinstance(error, Transient):
            job_rows.lost(connection, asked)
            return
        job_rows.fail(connection, asked, error)
        # The runner has told the owner of what needs a person; a defect must not be met at every tick.
        if not isinstance(error, Refused):
            connection.execute(
                update(connection_table)
                .where(connection_table.c.id == row.id)
                .values(next_sync_at=func.now() + AFTER_DEFECT)
            )


def _history_key(connection_id: ColumnElement[UUID]) -> ColumnElement[str]:
    return func.concat("history:", cast(connection_id, Text))
