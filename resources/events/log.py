"""The log behind one interface: topics of partitions of events, each event at an offset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection

from resources.hashing import digest

PARTITIONS = 4
"""Partitions of every topic; one key always lands in one partition, so its events keep their order.

Not a setting: with another number a key's new events would land beside its old ones, in another partition, and be handled
before them. As many consumers as this work side by side on a topic.
"""
LARGEST_EVENT = 4 * 1024 * 1024
"""Bytes of a payload; what is larger is refused when it is told, since a log that does not take it would hold up all behind it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event before it has a place. ``key`` picks the partition; ``payload`` is an :class:`Envelope` as JSON.

    ``sequence`` is what the relay gave it on its way to a log outside.
    """

    org_id: UUID
    topic: str
    key: str
    payload: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event at its place. Offsets of a partition rise; what was erased leaves a gap, and its offset to nobody else.

    ``sequence`` rises too, and is the event's own: one that was published twice has two offsets and one of these.
    It is None where somebody else than Drovi wrote it, and ``org_id`` where they named no organisation.
    ``stored_at`` is by the log's clock.
    """

    topic: str
    partition: int
    offset: int
    sequence: int | None
    org_id: UUID | None
    key: str
    payload: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    stored_at: datetime | None = None


class EventLog(Protocol):
    """What the relay and consumers may rely on, whatever carries the events."""

    external: bool
    """Whether it is outside of the database: then publishing does not roll back with a transaction, and an event may
    be there twice, with one sequence number."""

    def publish(self, connection: Connection, events: Sequence[Event]) -> None:
        """Append events, in order within each partition.

        On return they are safe where the log is external; else they are when ``connection`` commits.

        Raises:
            Transient: the log does not take them now; some of them may be there.
            NeedsPerson: it does not let us in, or a topic is not there.
        """
        ...

    def read(
        self, connection: Connection, topic: str, partition: int, offset: int, limit: int
    ) -> list[StoredEvent]:
        """Up to ``limit`` events from ``offset`` on, in order; does not wait for more to come.

        Where ``offset`` is gone, the first that is there comes first, and the loss is logged and counted.

        Raises:
            Transient: the log does not answer now.
            NeedsPerson: it does not let us in, or the topic is not there.
        """
        ...

    def ends(self, connection: Connection, topic: str) -> dict[int, int]:
        """The offset that the next event of each partition will get."""
        ...

    def note(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Show outside tools how far a group is, after its own offsets were committed; nothing rests on it."""
        ...

    def prune(self, connection: Connection) -> int:
        """Forget events that were kept for long enough; returns how many, 0 where the log does it by itself."""
        ...

    def ping(self) -> None:
        """Ask for the least that tells that it works; raises as :meth:`read`."""
        ...

    def close(self) -> None:
        """Let go of connections; nothing that was published is lost."""
        ...


def partition_of(key: str) -> int:
    """The partition of a key, the same for ever."""
    return int.from_bytes(digest("partition", key)[:8], "big") % PARTITIONS
