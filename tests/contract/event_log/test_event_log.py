"""The contract of an event log, whatever carries it; each backend runs all of it."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from resources.events import offsets
from resources.events.log import PARTITIONS, Event, EventLog, StoredEvent, partition_of
from resources.events.offsets import Place
from resources.events.relay import relay
from tests.conftest import Database
from tests.contract.event_log.cases import TOPIC, Boom, events, fill_outbox, published, waiting


def test_what_is_published_is_read_as_it_was(log: EventLog, database: Database, org_id: UUID) -> None:
    """Key, payload, headers and organisation, at offsets 0, 1, 2, with the time."""
    told = events(org_id, 3, key="one")
    with database.worker.dispatch() as connection:
        log.publish(connection, told)
    with database.worker.dispatch() as connection:
        stored = log.read(connection, TOPIC, partition_of("one"), 0, 10)
    assert [one.offset for one in stored] == [0, 1, 2]
    assert [
        Event(one.org_id, one.topic, one.key, one.payload, one.headers, one.sequence) for one in stored
    ] == told
    assert all(datetime.now(UTC) - one.stored_at < timedelta(minutes=1) for one in stored)


def test_reading_begins_anywhere_and_takes_what_it_is_asked_for(
    log: EventLog, database: Database, org_id: UUID
) -> None:
    """In pieces that follow one another, again from the middle, between partitions, and at the end for nothing."""
    one, other = "one", next(key for key in "abcdef" if partition_of(key) != partition_of("one"))
    with database.worker.dispatch() as connection:
        log.publish(connection, events(org_id, 30, key=one) + events(org_id, 5, key=other))

    def read(key: str, offset: int, limit: int) -> list[int]:
        with database.worker.dispatch() as connection:
            found = log.read(connection, TOPIC, partition_of(key), offset, limit)
        return [event.offset for event in found]

    assert read(one, 0, 10) == [*range(10)]
    assert read(one, 10, 10) == [*range(10, 20)]
    assert read(other, 0, 100) == [*range(5)]
    assert read(one, 20, 100) == [*range(20, 30)]
    assert read(one, 7, 3) == [7, 8, 9]
    assert read(one, 30, 10) == []
    with database.worker.dispatch() as connection:
        log.publish(connection, events(org_id, 1, key=one))
    assert read(one, 30, 10) == [30]


def test_one_key_keeps_its_order_in_one_partition(log: EventLog, database: Database, org_id: UUID) -> None:
    """Over many publications."""
    for event in events(org_id, 20, key="client-7"):
        with database.worker.dispatch() as connection:
            log.publish(connection, [event])
    filled = {partition: rows for partition, rows in published(log, database).items() if rows}
    assert filled == {partition_of("client-7"): [(n, f"{n}".encode()) for n in range(20)]}


def test_offsets_have_no_gaps_while_many_publish(log: EventLog, database: Database, org_id: UUID) -> None:
    """A gap would make a reader wait for ever, or skip what commits late."""

    def publish(name: int) -> None:
        for n in range(15):
            batch = [Event(org_id, TOPIC, f"{name}-{n}-{m}", b"x") for m in range(3)]
            with database.worker.dispatch() as connection:
                log.publish(connection, batch)

    threads = [threading.Thread(target=publish, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = published(log, database)
    assert sum(map(len, rows.values())) == 4 * 15 * 3
    for stored in rows.values():
        assert [offset for offset, _ in stored] == list(range(len(stored)))


def test_an_offset_moves_with_the_effects_of_what_was_read(
    log: EventLog, database: Database, org_id: UUID
) -> None:
    """A consumer that fails after committing its offset, in one transaction, has committed neither."""

    def commit_and_fail() -> None:
        with database.worker.dispatch() as connection:
            offsets.commit(connection, "search", TOPIC, 0, Place(5, 4))
            raise Boom

    with pytest.raises(Boom):
        commit_and_fail()
    with database.worker.dispatch() as connection:
        assert offsets.committed(connection, "search", TOPIC) == dict.fromkeys(range(PARTITIONS), Place())
        offsets.commit(connection, "search", TOPIC, 0, Place(5, 4))
    with database.worker.dispatch() as connection:
        assert offsets.committed(connection, "search", TOPIC)[0] == Place(5, 4)
        assert offsets.committed(connection, "other", TOPIC)[0] == Place()


def test_lag_is_what_is_not_consumed(log: EventLog, database: Database, org_id: UUID) -> None:
    """By partition, to the event, and for how long the first of them waits."""
    with database.worker.dispatch() as connection:
        log.publish(connection, events(org_id, 8, key="one"))
        offsets.commit(connection, "search", TOPIC, partition_of("one"), Place(6, 5))
    with database.worker.dispatch() as connection:
        found = offsets.lag(log, connection, "search", TOPIC)
        assert offsets.groups(connection) == [("search", TOPIC)]
    behind = {one.partition: one.events for one in found}
    assert {one.partition for one in found if 0 < one.seconds < 60} == {partition_of("one")}
    assert behind == dict.fromkeys(range(PARTITIONS), 0) | {partition_of("one"): 2}


def test_the_relay_moves_each_event_once_and_in_order(
    log: EventLog, database: Database, org_id: UUID
) -> None:
    """Two relays at once, in small pieces."""
    fill_outbox(database, org_id, 60)

    def drain() -> None:
        while True:
            relay(database.worker, 7, log)
            if not waiting(database):
                return

    threads = [threading.Thread(target=drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_key: defaultdict[int, list[int]] = defaultdict(list)
    for stored in published(log, database).values():
        for _, payload in stored:
            by_key[int(payload) % 5].append(int(payload))
    assert sorted(n for numbers in by_key.values() for n in numbers) == list(range(60))
    assert all(numbers == sorted(numbers) for numbers in by_key.values())


def test_a_place_knows_what_was_handled() -> None:
    """By the sequence number, which a second publication shares; by the offset where somebody else wrote it."""

    def at(offset: int, sequence: int | None) -> StoredEvent:
        return StoredEvent(TOPIC, 0, offset, sequence, None, "key", b"")

    place = Place().after(at(3, 70))
    assert place == Place(4, 70)
    assert place.handled(at(4, 70)), "published again, further on"
    assert not place.handled(at(0, 71)), "in a topic that was made anew"
    assert not place.handled(at(4, None))
    assert place.after(at(4, None)) == Place(5, 70)
    assert place.handled(at(3, None))
    assert place.after(at(4, 69)) == Place(5, 70)
