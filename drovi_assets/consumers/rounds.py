"""All consumers within one budget of time: which partitions have anything, and a batch of each in turn.

Time is what is shared: the next batch is of the topic that took the least so far, and in it of the partition that waited
longest. A topic that floods, or whose events are dear, takes what the others leave.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from drovi_assets.consumers.consume import Spot, Step, consume
from drovi_assets.consumers.contract import Consumer, Stopped, nothing_stopped
from drovi_assets.deadline import Budget, Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources.events.log import PARTITIONS, EventLog
from resources.events.offsets import committed

SLICE_SECONDS = 3.0
"""A batch's time, for handlers that can stop: then it is another topic's turn."""
# Backwards over the primary key: one row is read a partition, however long that is.
_BEHIND = text(
    """
    SELECT wanted.number, slot.partition, coalesce(place."offset", 0) AS committed, last."offset" + 1 AS "end"
    FROM unnest(CAST(:groups AS text[]), CAST(:topics AS text[]))
        WITH ORDINALITY AS wanted (consumer_group, topic, number)
    CROSS JOIN generate_series(0, :partitions - 1) AS slot (partition)
    CROSS JOIN LATERAL (
        SELECT "offset" FROM event WHERE topic = wanted.topic AND partition = slot.partition
        ORDER BY "offset" DESC LIMIT 1
    ) AS last
    LEFT JOIN consumer_offset AS place ON place.consumer_group = wanted.consumer_group
        AND place.topic = wanted.topic AND place.partition = slot.partition
    WHERE last."offset" >= coalesce(place."offset", 0)
        AND coalesce(place.paused_until <= clock_timestamp(), true)
    ORDER BY place.moved_at NULLS FIRST
    """
)
_ASKED = text(
    """
    SELECT EXISTS (SELECT FROM outbox) AS told,
        EXISTS (SELECT FROM delayed_event WHERE not_before <= now()) AS ripe,
        EXISTS (SELECT FROM dead_letter WHERE status = 'replaying') AS replays,
        EXISTS (SELECT FROM job WHERE kind = :kind AND status = 'queued' AND run_at <= now()) AS ranges
    """
)


@dataclass(frozen=True, slots=True)
class Behind:
    """A partition with events that its group has not consumed: from ``committed`` up to ``end``."""

    spot: Spot
    committed: int
    end: int

    @property
    def events(self) -> int:
        """How many; gaps count."""
        return self.end - self.committed


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done beside consuming: events to be relayed, dead letters to be replayed, runs to be asked for."""

    told: bool
    ripe: bool
    replays: bool
    ranges: bool


def asked(connection: Connection, kind: str) -> Asked:
    """One query: what an idle tick costs, with that of ``behind``."""
    return Asked(*connection.execute(_ASKED, {"kind": kind}).one())


def behind(connection: Connection, log: EventLog, consumers: Sequence[Consumer]) -> list[Behind]:
    """The partitions that have anything for their group and wait for nothing, the one that moved last at the end."""
    wanted = [(one, topic) for one in consumers for topic in (str(one.topic), one.topic.retry)]
    if log.external:
        return list(_behind_outside(connection, log, wanted))
    rows = connection.execute(
        _BEHIND,
        {
            "groups": [consumer.group for consumer, _ in wanted],
            "topics": [topic for _, topic in wanted],
            "partitions": PARTITIONS,
        },
    )
    found = []
    for row in rows:
        consumer, topic = wanted[row.number - 1]
        found.append(Behind(Spot(consumer, topic, row.partition), row.committed, row.end))
    return found


def _behind_outside(
    connection: Connection, log: EventLog, wanted: Sequence[tuple[Consumer, str]]
) -> Iterable[Behind]:
    """A partition that waits is among these too: it is passed over when it is claimed."""
    for consumer, topic in wanted:
        places = committed(connection, consumer.group, topic)
        for partition, end in log.ends(connection, topic).items():
            if (at := places[partition].offset) < end:
                yield Behind(Spot(consumer, topic, partition), at, end)


def go_round(
    runtime: Runtime,
    found: Sequence[Behind],
    deadline: Deadline,
    *,
    stopped: Stopped = nothing_stopped,
    clock: Callable[[], float] = time.monotonic,
) -> Step:
    """A batch of each in turn, until nothing is left of what was found or the time is over.

    Raises:
        Transient: the database does not answer.
    """
    total = Step()
    queues: dict[str, list[Behind]] = {}
    for one in found:
        queues.setdefault(one.spot.topic, []).append(one)
    spent = dict.fromkeys(queues, 0.0)
    while queues and deadline.left > 0:
        topic = min(queues, key=spent.__getitem__)  # of equals, the one whose turn was longest ago
        one = queues[topic].pop(0)
        begin = clock()
        part = Budget.within(deadline, SLICE_SECONDS, clock)
        step = consume(runtime, one.spot, part, stopped=stopped)
        spent[topic] += clock() - begin
        total.add(step)
        if step.read and not step.paused:
            queues[topic].append(one)
        waiting = queues.pop(topic)
        if waiting:
            queues[topic] = waiting
    return total
