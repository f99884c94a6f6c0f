"""How far a consumer group is, in the database beside its effects, whatever log it reads."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from resources.events.log import PARTITIONS, EventLog
from resources.schema import consumer_offset

_ROW = consumer_offset.c
_KEYS = [_ROW.consumer_group, _ROW.topic, _ROW.partition]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a group is in a partition: the next ``offset`` to read, the last ``sequence`` handled, -1 for none."""

    offset: int = 0
    sequence: int = -1


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


def lag(log: EventLog, connection: Connection, group: str, topic: str) -> list[Lag]:
    """How far a group is behind, partition by partition."""
    ends = log.ends(connection, topic)
    return [
        Lag(partition, place.offset, ends.get(partition, 0))
        for partition, place in sorted(committed(connection, group, topic).items())
    ]
