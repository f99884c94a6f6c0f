"""Runs over exact ranges of offsets: for a backlog that ticks would take too long over, and to do a stretch again.

A range is asked for by a job row of the platform's own. Whoever works it off takes the same steps as a tick, under the same hold on the
partition, and the two may work side by side: a partition is one consumer's at a time, whoever that is. Done again,
a range has no second effect: its events are handled anew, and no place moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from drovi_assets.consumers.consume import Spot, Step, consume, handle
from drovi_assets.consumers.contract import Consumer, Stopped, Work, nothing_stopped
from drovi_assets.consumers.rounds import Behind
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources.errors import NotFound
from resources.events.offsets import committed
from resources.schema import job

KIND: Final = "consume"


@dataclass(frozen=True, slots=True)
class Range:
    """The events of a partition from ``start`` up to but not including ``end``."""

    group: str
    topic: str
    partition: int
    start: int
    end: int

    def spot(self, consumers: Sequence[Consumer]) -> Spot:
        """The partition, with its consumer.

        Raises:
            NotFound: no consumer of that group reads that topic.
        """
        for consumer in consumers:
            if consumer.group == self.group and self.topic in {str(consumer.topic), consumer.topic.retry}:
                return Spot(consumer, self.topic, self.partition)
        raise NotFound(
            f"No consumer of the group {self.group!r} reads {self.topic!r}.",
            remedy="Take both from `drovi events` or the job's arguments.",
        )


def ask(connection: Connection, found: Sequence[Behind]) -> list[Behind]:
    """Ask for a run for each partition that is far enough behind and has none yet; those that a run is for.

    Where the run of the very same range has ended without getting anywhere, there is no second one: ticks go on alone.
    """
    far = [one for one in found if one.events > one.spot.consumer.backlog]
    if not far:
        return []
    under_way = _under_way(connection)
    for_runs = []
    for one in far:
        mine = (one.spot.consumer.group, one.spot.topic, one.spot.partition)
        if mine in under_way or _ask(connection, Range(*mine, one.committed, one.end)):
            for_runs.append(one)
    return for_runs


def due(connection: Connection) -> Sequence[Row[Any]]:
    """The job rows that a run is to be asked for now."""
    query = select(job).where(job.c.kind == KIND, job.c.status == "queued", job.c.run_at <= func.now())
    return connection.execute(query.order_by(job.c.run_at, job.c.id)).all()


def parse(arguments: Mapping[str, Any]) -> Range:
    """The range that a job's arguments or a run's configuration name."""
    return Range(
        str(arguments["group"]),
        str(arguments["topic"]),
        int(arguments["partition"]),
        int(arguments["start"]),
        int(arguments["end"]),
    )


def catch_up(
    runtime: Runtime,
    wanted: Range,
    consumers: Sequence[Consumer],
    deadline: Deadline,
    *,
    stopped: Stopped = nothing_stopped,
    progress: Callable[[Step], None] = lambda _: None,
) -> tuple[Step, bool]:
    """Consume what of a range is not consumed; whether its end was reached before the deadline."""
    spot, total = wanted.spot(consumers), Step()
    while deadline.left > 0:
        with runtime.database.dispatch() as connection:
            if committed(connection, wanted.group, wanted.topic)[wanted.partition].offset >= wanted.end:
                return total, True
        step = consume(runtime, spot, deadline, stopped=stopped, until=wanted.end)
        total.add(step)
        progress(total)
        if not step.read:
            # Held by a tick, or it waits for a dependency; or the rest of the range was erased, and nothing is to come.
            runtime.sources.sleep(0.2)
            if _nothing_left(runtime, wanted):
                return total, True
    return total, False


def again(
    runtime: Runtime,
    wanted: Range,
    consumers: Sequence[Consumer],
    deadline: Deadline,
    *,
    stopped: Stopped = nothing_stopped,
) -> Step:
    """Handle a range once more, from its start, batch by batch; no place moves.

    Raises:
        Transient: a dependency is away; what was done stays done, and doing it once more does not matter.
    """
    spot, total, at = wanted.spot(consumers), Step(), wanted.start
    while at < wanted.end:
        with runtime.database.dispatch() as connection:
            events = [
                one
                for one in runtime.events.read(
                    connection, spot.topic, spot.partition, at, spot.consumer.batch
                )
                if one.offset < wanted.end
            ]
            if not events:
                break
            total.add(handle(Work(runtime, connection, deadline, stopped), spot.consumer, events))
        at = events[-1].offset + 1
    return total


def _ask(connection: Connection, wanted: Range) -> bool:
    key = f"{KIND}:{wanted.group}:{wanted.topic}:{wanted.partition}:{wanted.start}-{wanted.end}"
    row = insert(job).values(org_id=None, kind=KIND, idempotency_key=key, arguments=asdict(wanted))
    return connection.execute(row.on_conflict_do_nothing().returning(job.c.id)).first() is not None


def _under_way(connection: Connection) -> set[tuple[str, str, int]]:
    query = select(job.c.arguments).where(job.c.kind == KIND, job.c.status.in_(("queued", "running")))
    return {(one["group"], one["topic"], one["partition"]) for one in connection.execute(query).scalars()}


def _nothing_left(runtime: Runtime, wanted: Range) -> bool:
    with runtime.database.dispatch() as connection:
        at = committed(connection, wanted.group, wanted.topic)[wanted.partition].offset
        rest = runtime.events.read(connection, wanted.topic, wanted.partition, at, 1)
        return not rest or rest[0].offset >= wanted.end
