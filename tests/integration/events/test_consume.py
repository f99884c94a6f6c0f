"""One step of one consumer: what is handled, what is put off, what is given up, and what commits with what."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from drovi_assets.consumers import headers, places
from drovi_assets.consumers.consume import Step
from drovi_assets.consumers.contract import Handled, Opened
from resources.errors import Invalid, NotConfigured, ProviderDown
from resources.events import offsets
from resources.events.envelope import RecordsWritten, Topic
from resources.events.log import StoredEvent, partition_of
from resources.events.postgres import PostgresEventLog
from tests.conftest import make_tenant
from tests.integration.events.conftest import GROUP, Counting, Plane, counting, name_of


class Boom(Exception):
    """A defect."""


def _place(plane: Plane, topic: str = Topic.RAW) -> int:
    with plane.database.worker.dispatch() as session:
        return offsets.committed(session, GROUP, topic)[partition_of("one")].offset


def test_events_are_handled_once_and_in_order(plane: Plane) -> None:
    """In batches, each with its place."""
    names = [f"event-{n}" for n in range(7)]
    plane.publish(map(plane.named, names))
    consumer = counting(Counting(), batch=3)
    assert [plane.step(consumer).read for _ in range(4)] == [3, 3, 1, 0]
    assert plane.order() == names
    assert _place(plane) == 7


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"{not json", "Invalid JSON"),
        (b'{"type": "items.pushed"}', "Field required"),
        ("version", "Nobody understands version 9"),
        ("type", "Input should be"),
        ("body", "connection_id"),
        ("topic", "is not for raw.connector.events"),
    ],
)
def test_what_nobody_understands_is_dead_at_once_and_the_others_go_on(
    plane: Plane, bad: bytes | str, said: str
) -> None:
    """Whatever makes it so; with all that is known of it, and told on the topic of the dead."""
    made = {
        "version": lambda: plane.named("x", version=9),
        "type": lambda: plane.named("x", type="items.sneezed"),
        "body": lambda: plane.named("x", body={"stream": "items"}),
        "topic": lambda: plane.payload(RecordsWritten(connection_id=uuid4(), record_ids=())),
    }
    payload = bad if isinstance(bad, bytes) else made[bad]()
    plane.publish([plane.named("before"), payload, plane.named("after")])
    step = plane.step(counting(Counting()))
    assert (step.handled, step.dead, step.retried) == (2, 1, 0)
    assert plane.order() == ["before", "after"]
    (letter,) = plane.dead()
    assert (letter.org_id, letter.topic, letter.offset, letter.consumer_group, letter.attempts) == (
        plane.org_id,
        Topic.RAW,
        1,
        GROUP,
        1,
    )
    assert (letter.error_code, bytes(letter.payload)) == ("Invalid", payload)
    assert said in letter.error_message
    assert letter.headers == {
        headers.GROUP: GROUP,
        headers.ORIGIN_TOPIC: Topic.RAW,
        headers.ORIGIN_PARTITION: str(partition_of("one")),
        headers.ORIGIN_OFFSET: "1",
        headers.ATTEMPT: "1",
        headers.FIRST_ERROR: letter.error_message,
        headers.LAST_ERROR: letter.error_message,
    }
    plane.drain(counting(Counting()))
    (told,) = plane.stored(Topic.RAW.dead)
    assert told.headers == {**letter.headers, headers.DEAD_LETTER: str(letter.id)}


def test_an_event_that_names_another_organisation_is_dead(plane: Plane) -> None:
    """Who publishes for one organisation cannot act in another one."""
    other = make_tenant(plane.database, "Cabinet Duval").principal.org_id
    plane.publish([plane.named("foreign", org_id=str(other))])
    plane.step(counting(Counting()))
    assert plane.order() == []
    (letter,) = plane.dead()
    assert (letter.org_id, letter.error_code) == (plane.org_id, "Invalid")


def test_one_that_fails_is_put_off_and_the_others_commit(plane: Plane) -> None:
    """It alone, with an attempt counted, later each time; its place in the topic is passed."""

    def raises(opened: Opened) -> None:
        if name_of(opened) == "bad":
            raise Boom("no such luck")

    plane.publish(map(plane.named, ["a", "b", "bad", "c", "d"]))
    consumer = counting(Counting(raises))
    before = datetime.now(UTC)
    step = plane.step(consumer)
    assert (step.handled, step.retried, step.dead) == (4, 1, 0)
    assert plane.order() == ["a", "b", "c", "d"]
    (put_off,) = plane.delayed()
    assert put_off.topic == Topic.RAW.retry
    assert 2 <= (put_off.not_before - before).total_seconds() < 5
    assert put_off.headers == {
        headers.GROUP: GROUP,
        headers.ORIGIN_TOPIC: Topic.RAW,
        headers.ORIGIN_PARTITION: str(partition_of("one")),
        headers.ORIGIN_OFFSET: "2",
        headers.ATTEMPT: "1",
        headers.NOT_BEFORE: put_off.not_before.isoformat(),
        headers.FIRST_ERROR: "Boom: no such luck",
        headers.LAST_ERROR: "Boom: no such luck",
    }


def test_attempts_end_in_a_dead_letter_that_says_where_it_came_from(plane: Plane) -> None:
    """After as many as the consumer allows: first and last error, origin, and none of the others done twice."""
    tries = 0

    def raises(opened: Opened) -> None:
        nonlocal tries
        if name_of(opened) == "bad":
            tries += 1
            raise Boom(f"try {tries}")

    plane.publish(map(plane.named, ["a", "bad", "b"]))
    handler = Counting(raises)
    total = plane.drain(counting(handler, attempts=4))
    assert (total.retried, total.dead) == (3, 1)
    assert plane.effects() == {"a": 1, "b": 1}
    (letter,) = plane.dead()
    assert (letter.topic, letter.offset, letter.attempts, letter.error_code) == (Topic.RAW, 1, 4, "Boom")
    assert letter.headers[headers.FIRST_ERROR].startswith("Boom: try")
    assert letter.headers[headers.LAST_ERROR] == f"Boom: try {tries}" != letter.headers[headers.FIRST_ERROR]
    assert headers.NOT_BEFORE in letter.headers


def test_what_fails_now_and_then_comes_through(plane: Plane) -> None:
    """Nothing is dead, nothing is done twice."""
    seen: set[str] = set()

    def raises(opened: Opened) -> None:
        name = name_of(opened)
        if name.startswith("odd") and name not in seen:
            seen.add(name)
            raise Boom

    names = [f"{'odd' if n % 10 == 0 else 'even'}-{n}" for n in range(40)]
    plane.publish(map(plane.named, names))
    plane.drain(counting(Counting(raises)))
    assert plane.effects() == dict.fromkeys(names, 1)
    assert plane.dead() == []


@pytest.mark.parametrize("error", [Invalid("It cannot be."), NotConfigured("A person must act.")])
def test_what_will_never_do_is_dead_at_once(plane: Plane, error: Exception) -> None:
    """Trying again changes nothing."""

    def raises(opened: Opened) -> None:
        if name_of(opened) == "bad":
            raise error

    plane.publish(map(plane.named, ["a", "bad"]))
    step = plane.step(counting(Counting(raises)))
    assert (step.handled, step.retried, step.dead) == (1, 0, 1)


def test_a_dependency_that_is_away_has_the_partition_wait_and_buries_nothing(plane: Plane) -> None:
    """Longer each time; nothing of the batch commits; once it is back all of it is done, in order."""
    away = True

    def raises(opened: Opened) -> None:
        if away and name_of(opened) == "b":
            raise ProviderDown("It does not answer.")

    plane.publish(map(plane.named, ["a", "b", "c"]))
    consumer = counting(Counting(raises))
    waits = []
    for _ in range(places.PATIENCE):
        assert plane.step(consumer) == Step(paused=True)
        assert plane.step(consumer) == Step()  # it waits, and is left alone
        with plane.database.worker.dispatch() as session:
            row = session.execute(offsets.consumer_offset.select()).one()
        waits.append((row.paused_until - datetime.now(UTC)).total_seconds())
        assert row.paused_for == "ProviderDown: It does not answer."
        plane.forward()
    assert plane.order() == plane.dead() == plane.delayed() == []
    assert waits == sorted(waits)
    assert waits[-1] > 3 * waits[0]
    away = False
    plane.drain(consumer)
    assert plane.order() == ["a", "b", "c"]


def test_one_event_alone_cannot_hold_a_partition_for_ever(plane: Plane) -> None:
    """Where only it meets what is away, it steps aside, without an attempt counted, and is never buried."""
    away = True

    def raises(opened: Opened) -> None:
        if away and name_of(opened) == "stuck":
            raise ProviderDown("It does not answer.")

    plane.publish(map(plane.named, ["stuck", "a", "b"]))
    consumer = counting(Counting(raises))
    for _ in range(places.PATIENCE + 1):
        plane.step(consumer)
        plane.forward()
    plane.step(consumer)
    plane.step(consumer)
    assert plane.order() == ["a", "b"]
    assert plane.dead() == []
    away = False
    plane.drain(consumer)
    assert plane.order() == ["a", "b", "stuck"]


def test_what_a_handler_puts_off_counts_no_attempt(plane: Plane) -> None:
    """However often."""
    busy = 10
    handled: list[str] = []

    def handler(_work: object, events: list[Opened]) -> Handled:
        nonlocal busy
        busy -= 1
        if busy > 0:
            return Handled(later=[(one, 0.0) for one in events])
        handled.extend(name_of(one) for one in events)
        return Handled()

    plane.publish([plane.named("a")])
    plane.drain(replace(counting(Counting(), attempts=2), handle=handler))
    assert handled == ["a"]
    assert plane.dead() == []


def test_an_event_that_was_published_twice_is_handled_once(plane: Plane) -> None:
    """Two offsets, one sequence number, in one batch or in two."""

    class Doubling(PostgresEventLog):
        def read(self, connection, topic, partition, offset, limit):
            rows = super().read(connection, topic, partition, offset, limit)
            return [replace(one, sequence=one.sequence // 2) for one in rows]

    twice = [plane.named(f"event-{n // 2}") for n in range(10)]
    plane.publish(twice)
    plane = plane.with_runtime(events=Doubling())
    total = plane.drain(counting(Counting(), batch=3))
    assert plane.effects() == {f"event-{n}": 1 for n in range(5)}
    assert (total.handled, total.repeated) == (5, 5)


def test_a_retry_is_its_own_groups_alone(plane: Plane) -> None:
    """What failed in one group was done in the others."""
    plane.publish([plane.named("theirs")], topic=Topic.RAW.retry, headers={headers.GROUP: "others"})
    plane.publish([plane.named("mine")], topic=Topic.RAW.retry, headers={headers.GROUP: GROUP})
    step = plane.step(counting(Counting()), Topic.RAW.retry)
    assert (step.handled, step.repeated) == (1, 1)
    assert plane.order() == ["mine"]


def test_a_partition_that_another_consumer_has_is_passed_over(plane: Plane) -> None:
    """Not waited for; when the other has died, its batch is whole again."""
    plane.publish([plane.named("a")])
    consumer = counting(Counting())
    plane.step(consumer)
    plane.publish([plane.named("b")])
    with plane.database.worker.dispatch() as session:
        assert places.claim(session, GROUP, Topic.RAW, partition_of("one"))
        assert plane.step(consumer) == Step()
    assert plane.step(consumer).handled == 1


def test_on_a_log_outside_an_organisation_that_is_no_more_is_skipped(plane: Plane) -> None:
    """Counted, and not dead; what nobody can read is nobody's dead letter."""
    nobody = uuid4()

    class Outside(PostgresEventLog):
        external = True

        def read(self, connection, topic, partition, offset, limit):
            payloads = [plane.named("gone", org_id=str(nobody)), b"{", plane.named("here")]
            return [
                StoredEvent(
                    topic, partition, number, number, nobody if number < 2 else plane.org_id, "one", one
                )
                for number, one in enumerate(payloads)
            ][offset:]

    plane = plane.with_runtime(events=Outside())
    step = plane.step(counting(Counting()))
    assert (step.handled, step.skipped, step.dead) == (1, 1, 1)
    assert plane.order() == ["here"]
    (letter,) = plane.dead()
    assert letter.org_id is None


def test_what_an_error_says_is_kept_short_and_storable(plane: Plane) -> None:
    """A header and a column take neither a megabyte nor a NUL."""

    def raises(_opened: Opened) -> None:
        raise Boom("\0" + "x" * 1_000_000)

    plane.publish([plane.named("a")])
    plane.step(counting(Counting(raises)))
    (put_off,) = plane.delayed()
    assert len(put_off.headers[headers.LAST_ERROR]) == headers.LONGEST_ERROR
    json.dumps(put_off.headers)
