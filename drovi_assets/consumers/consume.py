"""One step of one group in one partition: read, understand, handle, route what failed, move on; all in one transaction.

A kill at any moment leaves either everything of the step or nothing of it. A dependency that is away leaves nothing, and the
partition waits. Where that has happened ``PATIENCE`` times in a row, the event at the head is asked to step aside, put off
without an attempt counted: it may be the only one that meets that dependency, and nobody behind it waits for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import Connection, select

from drovi_assets.automation import Done
from drovi_assets.consumers import headers, places, routing
from drovi_assets.consumers.contract import Consumer, Handled, Opened, Stopped, Work, nothing_stopped
from drovi_assets.consumers.decode import decode
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources.database import transient_of
from resources.errors import Invalid, NeedsPerson, Transient
from resources.events.log import StoredEvent
from resources.schema import organisation
from resources.telemetry import get_logger, metrics

PARTS = 8
"""Into as many a batch is cut that a handler fails on: with two bad of 500, it handles 1.6 batches then; with halves 3.3."""
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Spot:
    """One partition of a consumer's topic, or of its topic of retries."""

    consumer: Consumer
    topic: str
    partition: int


@dataclass(slots=True)
class Step:
    """What one step did. ``read`` 0: nothing was there, another has the partition, or it waits.

    ``repeated`` were handled before or failed in another group; ``skipped`` are of what is no more; ``failed`` are those
    that a handler failed on, each of them among ``retried`` or ``dead`` as well.
    """

    read: int = 0
    handled: int = 0
    repeated: int = 0
    skipped: int = 0
    later: int = 0
    retried: int = 0
    dead: int = 0
    failed: int = 0
    paused: bool = False
    derived: list[tuple[str, UUID, Done]] = field(default_factory=list)

    def add(self, other: Step) -> None:
        """Take in another step's figures."""
        for name in ("read", "handled", "repeated", "skipped", "later", "retried", "dead", "failed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.paused |= other.paused
        self.derived += other.derived


def consume(
    runtime: Runtime,
    spot: Spot,
    deadline: Deadline,
    *,
    stopped: Stopped = nothing_stopped,
    until: int | None = None,
) -> Step:
    """Take a partition a batch further, up to the offset ``until``.

    Raises:
        Transient: the database does not answer.
    """
    consumer = spot.consumer
    try:
        with runtime.database.dispatch() as connection:
            claimed = places.claim(connection, consumer.group, spot.topic, spot.partition)
            if claimed is None:
                return Step()
            limit = 1 if claimed.pauses >= places.PATIENCE else consumer.batch
            at = claimed.place.offset
            events = runtime.events.read(connection, spot.topic, spot.partition, at, limit)
            if until is not None:
                events = [one for one in events if one.offset < until]
            if not events:
                return Step()
            work = Work(runtime, connection, deadline, stopped)
            fresh, place = places.passed(claimed.place, events)
            step = handle(work, consumer, fresh)
            step.repeated += len(events) - len(fresh)
            step.read = len(events)
            places.move(connection, claimed, place)
    except (Transient, NeedsPerson) as error:  # of a handler's only the first; a log may refuse to let us in
        return _pause(runtime, spot, error)
    runtime.events.note(consumer.group, spot.topic, {spot.partition: place.offset})
    _count(consumer, step)
    return step


def _count(consumer: Consumer, step: Step) -> None:
    """Once it is committed: what was rolled back is done again."""
    metrics.retried(consumer.topic, step.retried)
    metrics.dead(consumer.topic, step.dead)
    metrics.handler_failed(consumer.topic, step.failed)


def handle(work: Work, consumer: Consumer, events: Sequence[StoredEvent]) -> Step:
    """Handle events in the caller's transaction, and route those that fail; which place is moved is the caller's.

    Raises:
        Transient: a dependency is away; the transaction must not commit.
    """
    step = Step(read=len(events))
    mine = [event for event in events if headers.meant_for(event.headers, consumer.group)]
    step.repeated = len(events) - len(mine)
    understood, failures = _decoded(consumer, mine)
    if work.runtime.events.external:
        understood, failures, step.skipped = _of_the_living(work.connection, understood, failures)
    outcome = _handled(work, consumer, understood)
    step.skipped += outcome.skipped
    step.derived = outcome.derived
    step.later = len(outcome.later)
    step.failed = len(outcome.failed)
    later = [(one.stored, one.org_id, seconds) for one, seconds in outcome.later]
    routing.put_off(work.connection, consumer, later)
    failures += [(one.stored, one.org_id, error) for one, error in outcome.failed]
    jitter = work.runtime.sources.jitter()
    step.retried, step.dead = routing.fail(work.connection, consumer, failures, jitter)
    step.handled = len(mine) - step.skipped - step.later - step.retried - step.dead
    for event, _, error in failures:
        _log.warning(
            "event not handled",
            topic=event.topic,
            partition=event.partition,
            offset=event.offset,
            group=consumer.group,
            error=headers.code_of(error),
        )
    return step


_Failure = tuple[StoredEvent, UUID | None, Exception]


def _decoded(consumer: Consumer, events: Sequence[StoredEvent]) -> tuple[list[Opened], list[_Failure]]:
    understood: list[Opened] = []
    failures: list[_Failure] = []
    for event in events:
        try:
            understood.append(decode(consumer.topic, event))
        except Invalid as error:
            failures.append((event, event.org_id, error))
    return understood, failures


def _of_the_living(
    connection: Connection, understood: Sequence[Opened], failures: Sequence[_Failure]
) -> tuple[list[Opened], list[_Failure], int]:
    """Without the events of organisations that are no more: a log outside keeps those, this database's does not."""
    named = {one.org_id for one in understood} | {org_id for _, org_id, _ in failures if org_id}
    alive = set(connection.execute(select(organisation.c.id).where(organisation.c.id.in_(named))).scalars())
    opened = [one for one in understood if one.org_id in alive]
    # What nobody can read is kept even so, as nobody's.
    unread = [(event, org_id if org_id in alive else None, error) for event, org_id, error in failures]
    return opened, unread, len(understood) - len(opened)


def _handled(work: Work, consumer: Consumer, events: Sequence[Opened]) -> Handled:
    """The handler's outcome; where it raises, that of the batch's parts, down to the one event that makes it raise."""
    if not events:
        return Handled()
    try:
        with work.connection.begin_nested():
            return consumer.handle(work, events)
    except Transient:
        raise
    except Exception as error:  # whatever a handler raises is a defect of it or of its event
        if (away := transient_of(error)) is not None:
            raise away from error
        if len(events) == 1:
            return Handled(failed=[(events[0], error)])
    outcome, size = Handled(), -(-len(events) // PARTS)
    for begin in range(0, len(events), size):
        outcome.add(_handled(work, consumer, events[begin : begin + size]))
    return outcome


def _pause(runtime: Runtime, spot: Spot, error: Transient | NeedsPerson) -> Step:
    """Have the partition wait; its head steps aside where it has waited long enough."""
    consumer = spot.consumer
    with runtime.database.dispatch() as connection:
        claimed = places.claim(connection, consumer.group, spot.topic, spot.partition)
        if claimed is None:
            return Step()
        asked = error.retry_after if isinstance(error, Transient) else None
        wait = places.wait_of(claimed.pauses, asked, runtime.sources.jitter())
        _log.warning(
            "partition waits", topic=spot.topic, partition=spot.partition, seconds=wait, error=str(error)
        )
        step = Step(paused=True)
        if claimed.pauses >= places.PATIENCE and (head := _head(runtime, connection, spot, claimed)):
            event, org_id = head
            routing.put_off(connection, consumer, [(event, org_id, wait)])
            claimed = replace(claimed, place=places.passed(claimed.place, [event])[1])
            step.read = step.later = 1
        places.pause(connection, claimed, wait, headers.described(error))
        return step


def _head(
    runtime: Runtime, connection: Connection, spot: Spot, claimed: places.Claim
) -> tuple[StoredEvent, UUID] | None:
    """The event that the partition waits at, and whose it is; None where the log is what is away."""
    try:
        events = runtime.events.read(connection, spot.topic, spot.partition, claimed.place.offset, 1)
        return (events[0], decode(spot.consumer.topic, events[0]).org_id) if events else None
    except (Transient, NeedsPerson, Invalid):
        return None
