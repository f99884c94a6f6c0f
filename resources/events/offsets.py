"""How far a consumer group is, in the database beside its effects, whatever log it reads."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from resources import clock
from resources.events.log import PARTITIONS, EventLog, StoredEvent
from resources.schema import consumer_offset

_ROW = consumer_offset.c
_KEYS = [_ROW.consumer_group, _ROW.topic, _ROW.partition]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a group is in a partition: the next ``offset`` to read, the last ``sequence`` handled, -1 for none."""

    offset: int = 0
    sequence: int = -1

    def handled(self, event: StoredEvent) -> bool:
        """Whether the group has handled the event, wherever it was first published; by its offset where it has no number."""
        return event.offset < self.offset if event.sequence is None else event.sequence <= self.sequence

    def after(self, event: StoredEvent) -> Place:
        """The place once the event is handled, or passed over since it was before."""
        return Place(event.offset + 1, max(self.sequence, -1 if event.sequence is None else event.sequence))


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a consumer group is behind in one partition. ``end`` is the offset the next event will get.

    ``seconds`` is for how long the first event that is not consumed has been there.
    """

    partition: int
    committed: int
    end: int
    seconds: float = 0.0

    @property
    def events(self) -> int:
        """Events that are not consumed yet; duplicates and gaps count, where the log has them."""
        return max(self.end - self.committed, 0)


def committed(connection: Connection, group: str, topic: str) -> dict[int, Place]:
    """The group's place by partition; every partition of the topic is named."""
    rows = connection.execute(
        select(_ROW.partition, _ROW.offset, _ROW.sequence).where(
            _ROW.consumer_group == group, _ROW.topic == topic
        )
    )
    known = {row.partition: Place(row.offset, row.sequence) for row in rows}
    return {partition: known.get(partition, Place()) for partition in range(PARTITIONS)}


def commit(connection: Connection, group: str, topic: str, partition: int, place: Place) -> None:
    """Move the group when ``connection`` commits, with the effects of what was read."""
    row = insert(consumer_offset).values(
        consumer_group=group, topic=topic, partition=partition, offset=place.offset, sequence=place.sequence
    )
    moved = {"offset": row.excluded.offset, "sequence": row.excluded.sequence, "moved_at": func.now()}
    connection.execute(row.on_conflict_do_update(index_elements=_KEYS, set_=moved))


def groups(connection: Connection) -> list[tuple[str, str]]:
    """Every group and topic that it has a place in."""
    query = select(_ROW.consumer_group, _ROW.topic).distinct().order_by(_ROW.consumer_group, _ROW.topic)
    return [(row.consumer_group, row.topic) for row in connection.execute(query)]


def lag(log: EventLog, connection: Connection, group: str, topic: str) -> list[Lag]:
    """How far a group is behind, partition by partition."""
    ends = log.ends(connection, topic)
    return [
        Lag(
            partition,
            place.offset,
            end := ends.get(partition, 0),
            _waiting(log, connection, topic, partition, place.offset) if place.offset < end else 0.0,
        )
        for partition, place in sorted(committed(connection, group, topic).items())
    ]


def _waiting(log: EventLog, connection: Connection, topic: str, partition: int, offset: int) -> float:
    first = log.read(connection, topic, partition, offset, 1)
    if not first or first[0].stored_at is None:
        return 0.0
    return max((clock.now() - first[0].stored_at).total_seconds(), 0.0)
