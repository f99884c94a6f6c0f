"""A group's place in a partition, held for the length of a batch: whoever holds the row consumes the partition.

There is no other lease. A consumer that dies lets go with its transaction; a second one passes over a row that is held.
All times are the database's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from resources.events.log import StoredEvent
from resources.events.offsets import Place
from resources.schema import consumer_offset

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
PATIENCE = 3
"""How often in a row a partition waits before the event at its head is asked to step aside."""
_ROW = consumer_offset.c


@dataclass(frozen=True, slots=True)
class Claim:
    """A partition that is ours until the transaction ends. ``pauses``: how often in a row it has waited."""

    group: str
    topic: str
    partition: int
    place: Place
    pauses: int


def claim(connection: Connection, group: str, topic: str, partition: int) -> Claim | None:
    """Take the partition for this transaction; None where another has it, or it waits for a dependency."""
    mine = (_ROW.consumer_group == group, _ROW.topic == topic, _ROW.partition == partition)
    ready = or_(_ROW.paused_until.is_(None), _ROW.paused_until <= func.clock_timestamp())
    query = (
        select(_ROW.offset, _ROW.sequence, _ROW.pauses).where(*mine, ready).with_for_update(skip_locked=True)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        first = insert(consumer_offset).values(
            consumer_group=group, topic=topic, partition=partition, offset=0
        )
        # Of two that are the first at once, one waits here for the other's commit and finds the row there.
        if connection.execute(first.on_conflict_do_nothing().returning(_ROW.offset)).first() is None:
            return None
        return Claim(group, topic, partition, Place(), 0)
    return Claim(group, topic, partition, Place(row.offset, row.sequence), row.pauses)


def move(connection: Connection, claimed: Claim, place: Place) -> None:
    """Move on; whatever it waited for before is there again."""
    _write(
        connection,
        replace(claimed, place=place),
        moved_at=func.now(),
        paused_until=None,
        paused_for=None,
        pauses=0,
    )


def passed(place: Place, events: Sequence[StoredEvent]) -> tuple[list[StoredEvent], Place]:
    """Those of the events, read from ``place`` on, that are new to the group, and the place after all of them.

    One that was published twice is there twice, at two offsets, with one sequence number.
    """
    fresh = []
    for event in events:
        if not place.handled(event):
            fresh.append(event)
        place = place.after(event)
    return fresh, place


def pause(connection: Connection, claimed: Claim, wait: float, reason: str) -> None:
    """Leave the partition alone, at the place of ``claimed``, for ``wait`` seconds, and say what it waits for."""
    _write(
        connection,
        claimed,
        paused_until=func.clock_timestamp() + timedelta(seconds=wait),
        paused_for=reason,
        pauses=_ROW.pauses + 1,
    )


def wait_of(pauses: int, retry_after: float | None, jitter: float) -> float:
    """Seconds to leave a partition alone that has waited so often: doubling, spread, and never less than was asked for."""
    wait: float = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**pauses)
    return max(wait, retry_after or 0.0) * (1 + jitter / 4)


def database_time(connection: Connection) -> datetime:
    """The database's clock now, however long ago the transaction began."""
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


def _write(connection: Connection, claimed: Claim, **columns: object) -> None:
    mine = (
        _ROW.consumer_group == claimed.group,
        _ROW.topic == claimed.topic,
        _ROW.partition == claimed.partition,
    )
    place = {"offset": claimed.place.offset, "sequence": claimed.place.sequence}
    connection.execute(update(consumer_offset).where(*mine).values({**place, **columns}))
