"""The event plane behind one interface: topics of partitions of events, each event at an offset.

``PostgresEventLog`` is the embedded default; Kafka stands behind the same :class:`EventLog`. Offsets of a
consumer live in the consumer's own transaction, beside its effects, so a redelivery has none. Writers do
not publish: they add to the outbox in the transaction of their change, and :func:`relay` moves it here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from resources.database import WorkerDatabase
from resources.hashing import digest
from resources.schema import consumer_offset, event, outbox

PARTITIONS = 4
"""Partitions of every topic; one key always lands in one partition, so its events keep their order."""

_RELAY_LOCK = 0x6F7574626F78  # "outbox": one relay at a time, or two would publish out of order


@dataclass(frozen=True, slots=True)
class Event:
    """One event before it has a place. ``key`` picks the partition; ``payload`` is the topic's own format."""

    org_id: UUID
    topic: str
    key: str
    payload: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event at its place. Offsets of a partition rise; what was erased leaves a gap, and its offset to nobody else."""

    partition: int
    offset: int
    event: Event


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a consumer group is behind in one partition. ``end`` is the offset the next event will get."""

    partition: int
    committed: int
    end: int

    @property
    def events(self) -> int:
        """Events that are not consumed yet."""
        return self.end - self.committed


class EventLog(Protocol):
    """What publishers and consumers may rely on, whatever carries the events."""

    def publish(self, connection: Connection, events: Sequence[Event]) -> None:
        """Append events, in order within each partition, visible when ``connection`` commits."""
        ...

    def read(
        self, connection: Connection, topic: str, partition: int, offset: int, limit: int
    ) -> list[StoredEvent]:
        """Up to ``limit`` events from ``offset`` on, in order."""
        ...

    def committed(self, connection: Connection, group: str, topic: str) -> dict[int, int]:
        """The next offset to read by partition; every partition of the topic is named."""
        ...

    def commit(self, connection: Connection, group: str, topic: str, partition: int, offset: int) -> None:
        """Move the group to ``offset`` when ``connection`` commits, with the effects of what was read."""
        ...

    def ends(self, connection: Connection, topic: str) -> dict[int, int]:
        """The offset that the next event of each partition will get."""
        ...


def partition_of(key: str) -> int:
    """The partition of a key, the same for ever."""
    return int.from_bytes(digest("partition", key)[:8], "big") % PARTITIONS


def lag(log: EventLog, connection: Connection, group: str, topic: str) -> list[Lag]:
    """How far a group is behind, partition by partition."""
    ends = log.ends(connection, topic)
    return [
        Lag(partition, at, ends.get(partition, 0))
        for partition, at in sorted(log.committed(connection, group, topic).items())
    ]


class PostgresEventLog:
    """The log as a table. A publisher holds its partition until it commits: offsets are in the order of the commits."""

    def publish(self, connection: Connection, events: Sequence[Event]) -> None:
        """As :meth:`EventLog.publish`; one lock and one insert for each partition touched."""
        placed: defaultdict[tuple[str, int], list[Event]] = defaultdict(list)
        for one in events:
            placed[one.topic, partition_of(one.key)].append(one)
        # Sorted, so that two publishers of the same partitions cannot wait for each other.
        for (topic, partition), together in sorted(placed.items(), key=lambda item: item[0]):
            connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
                {"name": f"event/{topic}/{partition}"},
            )
            # A second statement: its snapshot sees what the lock's last holder committed.
            next_offset = self._end(connection, topic, partition)
            connection.execute(
                insert(event),
                [
                    {
                        "topic": topic,
                        "partition": partition,
                        "offset": next_offset + number,
                        "org_id": one.org_id,
                        "key": one.key,
                        "headers": dict(one.headers),
                        "payload": one.payload,
                    }
                    for number, one in enumerate(together)
                ],
            )

    def read(
        self, connection: Connection, topic: str, partition: int, offset: int, limit: int
    ) -> list[StoredEvent]:
        """As :meth:`EventLog.read`."""
        rows = connection.execute(
            select(event)
            .where(event.c.topic == topic, event.c.partition == partition, event.c.offset >= offset)
            .order_by(event.c.offset)
            .limit(limit)
        )
        return [
            StoredEvent(
                row.partition, row.offset, Event(row.org_id, row.topic, row.key, row.payload, row.headers)
            )
            for row in rows
        ]

    def committed(self, connection: Connection, group: str, topic: str) -> dict[int, int]:
        """As :meth:`EventLog.committed`."""
        rows = connection.execute(
            select(consumer_offset.c.partition, consumer_offset.c.offset).where(
                consumer_offset.c.consumer_group == group, consumer_offset.c.topic == topic
            )
        )
        known = {row.partition: row.offset for row in rows}
        return {partition: known.get(partition, 0) for partition in range(PARTITIONS)}

    def commit(self, connection: Connection, group: str, topic: str, partition: int, offset: int) -> None:
        """As :meth:`EventLog.commit`."""
        row = upsert(consumer_offset).values(
            consumer_group=group, topic=topic, partition=partition, offset=offset
        )
        keys = [consumer_offset.c.consumer_group, consumer_offset.c.topic, consumer_offset.c.partition]
        connection.execute(
            row.on_conflict_do_update(index_elements=keys, set_={"offset": row.excluded.offset})
        )

    def ends(self, connection: Connection, topic: str) -> dict[int, int]:
        """As :meth:`EventLog.ends`."""
        return {number: self._end(connection, topic, number) for number in range(PARTITIONS)}

    @staticmethod
    def _end(connection: Connection, topic: str, partition: int) -> int:
        # Backwards over the primary key: one row is read, however long the partition is. Where the last events were
        # erased, no consumer may meet a new event at an offset that it has passed.
        passed = select(func.max(consumer_offset.c.offset)).where(
            consumer_offset.c.topic == topic, consumer_offset.c.partition == partition
        )
        last = (
            select(event.c.offset)
            .where(event.c.topic == topic, event.c.partition == partition)
            .order_by(event.c.offset.desc())
            .limit(1)
        )
        end: int = connection.execute(
            select(func.greatest(last.scalar_subquery() + 1, passed.scalar_subquery(), 0))
        ).scalar_one()
        return end


def relay(database: WorkerDatabase, limit: int, log: EventLog | None = None) -> int:
    """Move up to ``limit`` events from the outbox to the log, oldest first; returns how many.

    Moving and removing are one transaction, so on the Postgres log each arrives exactly once. An
    identity can become visible after a higher one of a transaction that was faster: order is kept for each key,
    whose writers wait for one another, and is not promised across keys.
    """
    log = log or PostgresEventLog()
    with database.dispatch() as connection:
        if not connection.execute(select(func.pg_try_advisory_xact_lock(_RELAY_LOCK))).scalar_one():
            return 0
        rows = connection.execute(select(outbox).order_by(outbox.c.id).limit(limit)).all()
        if rows:
            log.publish(
                connection, [Event(row.org_id, row.topic, row.key, row.payload, row.headers) for row in rows]
            )
            connection.execute(delete(outbox).where(outbox.c.id.in_([row.id for row in rows])))
    return len(rows)
