"""The log as a table: the embedded default."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, insert, select, text

from resources.events.log import PARTITIONS, Event, StoredEvent, partition_of
from resources.events.retention import Retention
from resources.schema import consumer_offset, event

PRUNED = 5000
"""Events of one partition that are forgotten at a time: their locks are short, and the next call goes on."""
# Offsets are in the order of time, so a partition whose first event is young is done with after one row. What a group of
# the topic has not consumed stays, however old it is.
_PRUNE = text(
    """
    WITH consumers AS (
        SELECT DISTINCT topic, consumer_group FROM consumer_offset
    ), part AS (
        SELECT kept.topic, number AS partition, now() - make_interval(days => kept.days) AS before, (
            SELECT min(coalesce(place."offset", 0)) FROM consumers LEFT JOIN consumer_offset AS place
                ON place.topic = consumers.topic AND place.consumer_group = consumers.consumer_group
                AND place.partition = number
            WHERE consumers.topic = kept.topic
        ) AS consumed
        FROM unnest(CAST(:topics AS text[]), CAST(:days AS integer[])) AS kept (topic, days)
        CROSS JOIN generate_series(0, :partitions - 1) AS number
    ), old AS (
        SELECT part.topic, part.partition, aged."offset" FROM part
        CROSS JOIN LATERAL (
            SELECT created_at FROM event WHERE topic = part.topic AND partition = part.partition
            ORDER BY "offset" LIMIT 1
        ) AS first
        CROSS JOIN LATERAL (
            SELECT "offset", created_at FROM event WHERE topic = part.topic AND partition = part.partition
            ORDER BY "offset" LIMIT :limit
        ) AS aged
        WHERE first.created_at < part.before AND aged.created_at < part.before
            AND (part.consumed IS NULL OR aged."offset" < part.consumed)
    )
    DELETE FROM event USING old
    WHERE event.topic = old.topic AND event.partition = old.partition AND event."offset" = old."offset"
    """
)


class PostgresEventLog:
    """A publisher holds its partition until it commits: offsets are in the order of the commits."""

    external = False

    def __init__(self, retention: Retention | None = None) -> None:
        self._retention = retention or Retention()

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
                row.created_at,
            )
            for row in rows
        ]

    def ends(self, connection: Connection, topic: str) -> dict[int, int]:
        """As :meth:`EventLog.ends`."""
        return {number: self._end(connection, topic, number) for number in range(PARTITIONS)}

    def note(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """As :meth:`EventLog.note`; the offsets are in the same database already."""

    def prune(self, connection: Connection) -> int:
        """As :meth:`EventLog.prune`; up to ``PRUNED`` of each partition."""
        days = self._retention.by_topic()
        return connection.execute(
            _PRUNE,
            {"topics": list(days), "days": list(days.values()), "partitions": PARTITIONS, "limit": PRUNED},
        ).rowcount

    def ping(self) -> None:
        """As :meth:`EventLog.ping`; the database is asked after by itself."""

    def close(self) -> None:
        """As :meth:`EventLog.close`; its connections are the database's."""

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
