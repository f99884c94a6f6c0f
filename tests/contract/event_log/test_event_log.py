"""The contract of an event log, whatever carries it; each backend runs all of it."""

from __future__ import annotations

import threading
from collections import defaultdict
from uuid import UUID

import pytest
from sqlalchemy import delete, func, insert, select

from resources.events import offsets
from resources.events.log import PARTITIONS, Event, EventLog, partition_of
from resources.events.offsets import Place
from resources.events.postgres import PostgresEventLog
from resources.events.relay import relay
from resources.schema import event as event_table
from resources.schema import outbox
from tests.conftest import Database, Tenant

TOPIC = "graph.changes"


class Boom(Exception):
    """What cuts a transaction short."""


@pytest.fixture(params=[PostgresEventLog], ids=["postgres"])
def log(request: pytest.FixtureRequest) -> EventLog:
    return request.param()


@pytest.fixture
def org_id(tenant: Tenant) -> UUID:
    return tenant.principal.org_id


def _events(org_id: UUID, count: int, key: str = "") -> list[Event]:
    return [Event(org_id, TOPIC, key or f"key-{n}", f"{n}".encode(), {"attempt": "1"}) for n in range(count)]


def _all(log: EventLog, database: Database) -> dict[int, list[tuple[int, bytes]]]:
    with database.worker.dispatch() as connection:
        return {
            partition: [
                (one.offset, one.payload) for one in log.read(connection, TOPIC, partition, 0, 10_000)
            ]
            for partition in range(PARTITIONS)
        }


def test_what_is_published_is_read_as_it_was(log: EventLog, database: Database, org_id: UUID) -> None:
    """Key, payload, headers and organisation, at offsets 0, 1, 2."""
    events = _events(org_id, 3, key="one")
    with database.worker.dispatch() as connection:
        log.publish(connection, events)
    with database.worker.dispatch() as connection:
        stored = log.read(connection, TOPIC, partition_of("one"), 0, 10)
    assert [one.offset for one in stored] == [0, 1, 2]
    assert [Event(one.org_id, one.topic, one.key, one.payload, one.headers) for one in stored] == events
    assert [one.sequence for one in stored] == [0, 1, 2]


def test_one_key_keeps_its_order_in_one_partition(log: EventLog, database: Database, org_id: UUID) -> None:
    """Over many publications."""
    for event in _events(org_id, 20, key="client-7"):
        with database.worker.dispatch() as connection:
            log.publish(connection, [event])
    filled = {partition: rows for partition, rows in _all(log, database).items() if rows}
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
    rows = _all(log, database)
    assert sum(map(len, rows.values())) == 4 * 15 * 3
    for stored in rows.values():
        assert [offset for offset, _ in stored] == list(range(len(stored)))


def test_a_publication_that_fails_leaves_nothing(log: EventLog, database: Database, org_id: UUID) -> None:
    """Neither events nor a hole in the offsets."""

    def publish_and_fail() -> None:
        with database.worker.dispatch() as connection:
            log.publish(connection, _events(org_id, 5, key="one"))
            raise Boom

    with pytest.raises(Boom):
        publish_and_fail()
    with database.worker.dispatch() as connection:
        log.publish(connection, _events(org_id, 1, key="one"))
    assert _all(log, database)[partition_of("one")] == [(0, b"0")]


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
    """By partition, to the event."""
    with database.worker.dispatch() as connection:
        log.publish(connection, _events(org_id, 8, key="one"))
        offsets.commit(connection, "search", TOPIC, partition_of("one"), Place(6, 5))
    with database.worker.dispatch() as connection:
        behind = {one.partition: one.events for one in offsets.lag(log, connection, "search", TOPIC)}
    assert behind == dict.fromkeys(range(PARTITIONS), 0) | {partition_of("one"): 2}


def _fill_outbox(database: Database, org_id: UUID, count: int) -> None:
    with database.worker.organisation(org_id) as connection:
        connection.execute(
            insert(outbox),
            [
                {"org_id": org_id, "topic": TOPIC, "key": f"key-{n % 5}", "payload": f"{n}".encode()}
                for n in range(count)
            ],
        )


def test_the_relay_moves_each_event_once_and_in_order(
    log: EventLog, database: Database, org_id: UUID
) -> None:
    """Two relays at once, in small pieces."""
    _fill_outbox(database, org_id, 60)

    def drain() -> None:
        while True:
            relay(database.worker, 7, log)
            with database.worker.dispatch() as connection:
                if not connection.execute(select(func.count()).select_from(outbox)).scalar_one():
                    return

    threads = [threading.Thread(target=drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_key: defaultdict[int, list[int]] = defaultdict(list)
    for stored in _all(log, database).values():
        for _, payload in stored:
            by_key[int(payload) % 5].append(int(payload))
    assert sorted(n for numbers in by_key.values() for n in numbers) == list(range(60))
    assert all(numbers == sorted(numbers) for numbers in by_key.values())


def test_a_relay_that_is_cut_short_moves_nothing(log: EventLog, database: Database, org_id: UUID) -> None:
    """Published and removed together, or neither."""

    class Failing(PostgresEventLog):
        def publish(self, connection, events):
            super().publish(connection, events)
            raise Boom

    _fill_outbox(database, org_id, 3)
    with pytest.raises(Boom):
        relay(database.worker, 10, Failing())
    assert not any(_all(log, database).values())
    assert relay(database.worker, 10, log) == 3


def test_an_offset_that_was_passed_is_never_given_again(
    log: EventLog, database: Database, org_id: UUID
) -> None:
    """Erasing what was published last, all of a partition even, hides no later event from a consumer."""
    with database.worker.dispatch() as connection:
        log.publish(connection, _events(org_id, 3, key="one"))
        partition = partition_of("one")
        end = log.ends(connection, TOPIC)[partition]
        offsets.commit(connection, "readers", TOPIC, partition, Place(end, end - 1))
    with database.worker.dispatch() as connection:
        connection.execute(delete(event_table))
        log.publish(connection, _events(org_id, 1, key="one"))
        at = offsets.committed(connection, "readers", TOPIC)[partition].offset
        assert [one.payload for one in log.read(connection, TOPIC, partition, at, 10)] == [b"0"]
