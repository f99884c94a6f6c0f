"""Events: from the outbox to the log, and from the log to what becomes of them, all topics in one tick.

A tick looks first, in two small queries, and ends where nothing is to be done. What is there is consumed in batches, a topic's
turn after the other's, until the tick's time is over; a partition that is too far behind becomes a run over an
exact range of offsets, asked for through a job row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from sqlalchemy import Connection, Row

from drovi_assets.assets.connectors import RUNTIME
from drovi_assets.consumers import dead_letters, ranges, rounds
from drovi_assets.consumers.consume import Step
from drovi_assets.consumers.contract import Stopped
from drovi_assets.consumers.registry import CONSUMERS, stopped
from drovi_assets.deadline import Budget
from drovi_assets.event_jobs import CONSUME_RANGE, figures, range_config, range_job
from drovi_assets.jobs import ATTEMPT_TAG, JOB_TAG
from drovi_assets.pipeline.runtime import Runtime
from resources.errors import DroviError
from resources.events.relay import try_relay
from resources.telemetry import get_logger, metrics
from sensors.live_sync import Tick

TICK_SECONDS = 10.0
RELAYED = 2000
ROUNDS = 20
"""How often a tick looks again for what its own handlers told: an event's way has three topics."""
_log = get_logger(__name__)


@dg.sensor(
    name="events",
    description=__doc__,
    jobs=[range_job],
    minimum_interval_seconds=3,  # the daemon's loop is 5 s: an interval of 5 would alias to 10
    default_status=dg.DefaultSensorStatus.RUNNING,
    required_resource_keys={RUNTIME},
)
@metrics.ticking("events")
def events(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One tick."""
    runtime: Runtime = getattr(context.resources, RUNTIME)()
    ticked = run_tick(runtime, Budget.of(TICK_SECONDS))
    step, runs = ticked.step, ticked.run_requests()
    if not step.derived and not runs:
        return dg.SkipReason(f"{step.read} events read: {figures(step)}." if step.read else "No events.")
    told = Tick(done=step.derived)
    return dg.SensorResult(
        run_requests=runs,
        asset_events=told.events(),
        dynamic_partitions_requests=told.partitions(context.instance),
    )


@dataclass(slots=True)
class Ticked:
    """What a tick did, and the job rows that a run is to be asked for."""

    step: Step = field(default_factory=Step)
    ranges: Sequence[Row[Any]] = ()

    def run_requests(self) -> list[dg.RunRequest]:
        """A run for each range that is asked for; the same request made again launches nothing."""
        return [
            dg.RunRequest(
                run_key=f"{row.id}/{row.attempts}",
                job_name=CONSUME_RANGE,
                run_config=dict(range_config(ranges.parse(row.arguments), row.id)),
                tags={JOB_TAG: str(row.id), ATTEMPT_TAG: str(row.attempts)},
            )
            for row in self.ranges
        ]


def run_tick(runtime: Runtime, budget: Budget, *, stopped: Stopped = stopped) -> Ticked:
    """Relay and consume until nothing is left or the budget is spent."""
    ticked = Ticked()
    for _ in range(ROUNDS):
        with runtime.database.dispatch() as connection:
            asked = rounds.asked(connection, ranges.KIND)
            found = _behind(runtime, connection)
            if asked.replays:
                dead_letters.carry_out(connection)
            far = {one.spot for one in ranges.ask(connection, found)}
            if asked.ranges or far:
                ticked.ranges = ranges.due(connection)
        waits = asked.told or asked.ripe or asked.replays
        moved = try_relay(runtime.database, RELAYED, runtime.events) if waits else 0
        near = [one for one in found if one.spot not in far]
        step = rounds.go_round(runtime, near, budget, stopped=stopped)
        ticked.step.add(step)
        if budget.spent or not (moved or step.read):
            break
    return ticked


def _behind(runtime: Runtime, connection: Connection) -> list[rounds.Behind]:
    """What there is to consume; nothing where a log outside does not answer: a tick has other work too."""
    try:
        return rounds.behind(connection, runtime.events, CONSUMERS)
    except DroviError as error:
        _log.warning("events are not consumed: the log does not answer", error=str(error))
        return []
