"""The log as a table: the embedded default."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, insert, select, text

from resources.events.log import PARTITIONS, Event, StoredEvent, partition_of
from resources.schema import consumer_offset, event


class PostgresEventLog:
    """A publisher holds its partition until it commits: offsets are in the order of the commits."""

    external = False

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
        """As :meth:`EventLog.read`; an event is there once, so its offset is its sequence number."""
        rows = connection.execute(
            select(event)
            .where(event.c.topic == topic, event.c.partition == partition, event.c.offset >= offset)
            .order_by(event.c.offset)
            .limit(limit)
        )
        return [
            StoredEvent(
                row.topic,
                row.partition,
                row.offset,
                row.offset,
                row.org_id,
                row.key,
                row.payload,
                row.headers,
            )
            for row in rows
        ]

    def ends(self, connection: Connection, topic: str) -> dict[int, int]:
        """As :meth:`EventLog.ends`."""
        return {number: self._end(connection, topic, number) for number in range(PARTITIONS)}

    def note(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """As :meth:`EventLog.note`; the offsets are in the same database already."""

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
