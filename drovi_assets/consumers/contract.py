"""What a consumer is: one group's handler for the events of one topic, a batch at a time.

The handler is called inside the transaction that also moves the group's place in the log, so whatever it writes on
``Work.connection`` and the place commit together. It may be called again with events that it saw before: after a kill,
with fewer of them while a bad one is looked for, or because a range is replayed. So what it does beyond that
transaction, if anything, must have the same effect when it is done twice.

What it raises says what happens next:

* ``Transient``: a dependency is away. Nothing of the batch commits and the partition waits, longer each time.
* ``Refused``, ``NeedsPerson``: the event will never do as it is. It goes to the dead letters at once.
* anything else is a defect, of the handler or of the event: it is tried again, later each time, up to
  ``Consumer.attempts`` times in all, and goes to the dead letters then.

Where several events were handed over, the bad ones are found by handing over parts of them, so one that fails costs the
others a second or third call and nothing more. A handler that knows which of its events failed says so in ``Handled`` and raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection

from drovi_assets.automation import Done
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources.events.envelope import Envelope, Topic
from resources.events.log import StoredEvent

Stopped = Callable[[Connection, str, UUID], bool]
"""Whether a kill switch stands against a connector (by name) in an organisation."""


def nothing_stopped(_connection: Connection, _connector: str, _org_id: UUID) -> bool:
    """No kill switch stands."""
    return False


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """An event that is understood: ``body`` is the model of its type and version, and the envelope's own is the same.

    ``org_id`` was held against what the log says of the event; ``attempt`` is how often it has failed so far.
    """

    stored: StoredEvent
    envelope: Envelope
    body: BaseModel
    attempt: int = 0

    @property
    def org_id(self) -> UUID:
        """Whose it is."""
        return self.envelope.org_id


@dataclass(frozen=True, slots=True)
class Work:
    """What a handler works with. ``connection`` is a worker's over all organisations: ``enter`` the one whose content is meant."""

    runtime: Runtime
    connection: Connection
    deadline: Deadline
    stopped: Stopped = nothing_stopped


@dataclass(slots=True)
class Handled:
    """What became of a batch, where not simply everything was done.

    ``later`` are to be tried again after so many seconds, without an attempt counted; ``failed`` failed by themselves,
    with what they failed of; ``skipped`` counts those whose organisation or connection is no more; ``derived`` is what
    Dagster is told of: connector, connection and what was done to it.
    """

    later: list[tuple[Opened, float]] = field(default_factory=list)
    failed: list[tuple[Opened, Exception]] = field(default_factory=list)
    skipped: int = 0
    derived: list[tuple[str, UUID, Done]] = field(default_factory=list)

    def add(self, other: Handled) -> None:
        """Take in what became of other events."""
        self.later += other.later
        self.failed += other.failed
        self.skipped += other.skipped
        self.derived += other.derived


Handler = Callable[[Work, Sequence[Opened]], Handled]
"""Handles events in their order; of one key that is the order in which they were published, retries left aside."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One group's way with one topic and its retries.

    ``batch`` is how many events are handed over at once, ``attempts`` how often one is tried in all, and
    ``backlog`` how many events a partition must be behind for a run, which costs three CPU-seconds to begin.
    """

    topic: Topic
    group: str
    handle: Handler
    batch: int = 500
    attempts: int = 5
    backlog: int = 20_000
