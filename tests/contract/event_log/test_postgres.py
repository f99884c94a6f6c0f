"""What the log in Postgres promises beyond the contract: it is part of the transaction, and keeps what is not consumed."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, text

from resources.events import offsets
from resources.events.envelope import Topic
from resources.events.log import Event, EventLog, partition_of
from resources.events.offsets import Place
from resources.events.postgres import PostgresEventLog
from resources.events.relay import relay
from resources.events.retention import Retention
from resources.schema import event as event_table
from tests.conftest import Database
from tests.contract.event_log.cases import TOPIC, Boom, events, fill_outbox, published


@pytest.fixture
def log() -> EventLog:
    return PostgresEventLog()


def test_a_publication_that_fails_leaves_nothing(log: EventLog, database: Database, org_id: UUID) -> None:
    """Neither events nor a hole in the offsets."""

    def publish_and_fail() -> None:
        with database.worker.dispatch() as connection:
            log.publish(connection, events(org_id, 5, key="one"))
            raise Boom

    with pytest.raises(Boom):
        publish_and_fail()
    with database.worker.dispatch() as connection:
        log.publish(connection, events(org_id, 1, key="one"))
    assert published(log, database)[partition_of("one")] == [(0, b"0")]


def test_a_relay_that_is_cut_short_moves_nothing(log: EventLog, database: Database, org_id: UUID) -> None:
    """Published and removed together, or neither."""

    class Failing(PostgresEventLog):
        def publish(self, connection, events):
            super().publish(connection, events)
            raise Boom

    fill_outbox(database, org_id, 3)
    with pytest.raises(Boom):
        relay(database.worker, 10, Failing())
    assert not any(published(log, database).values())
    assert relay(database.worker, 10, log) == 3


def test_an_offset_that_was_passed_is_never_given_again(
    log: EventLog, database: Database, org_id: UUID
) -> None:
    """Erasing what was published last, all of a partition even, hides no later event from a consumer."""
    with database.worker.dispatch() as connection:
        log.publish(connection, events(org_id, 3, key="one"))
        partition = partition_of("one")
        end = log.ends(connection, TOPIC)[partition]
        offsets.commit(connection, "readers", TOPIC, partition, Place(end, end - 1))
    with database.worker.dispatch() as connection:
        connection.execute(delete(event_table))
        log.publish(connection, events(org_id, 1, key="one"))
        at = offsets.committed(connection, "readers", TOPIC)[partition].offset
        assert [one.payload for one in log.read(connection, TOPIC, partition, at, 10)] == [b"0"]


@pytest.fixture
def aged(database: Database, org_id: UUID) -> Database:
    """Ten events of the graph and ten with content, of ten days ago, and one of each of now."""
    log = PostgresEventLog()
    for name in (Topic.GRAPH, Topic.RAW):
        with database.worker.dispatch() as connection:
            log.publish(connection, [Event(org_id, name, "one", b"x") for _ in range(10)])
            connection.execute(
                text("UPDATE event SET created_at = now() - interval '10 days' WHERE topic = :topic"),
                {"topic": name},
            )
        with database.worker.dispatch() as connection:
            log.publish(connection, [Event(org_id, name, "one", b"y")])
    return database


def _counts(database: Database) -> dict[str, int]:
    with database.worker.dispatch() as connection:
        query = select(event_table.c.topic, func.count().label("events")).group_by(event_table.c.topic)
        return {row.topic: row.events for row in connection.execute(query)}


def _prune(database: Database, retention: Retention) -> int:
    with database.worker.dispatch() as connection:
        return PostgresEventLog(retention).prune(connection)


def test_events_go_when_their_time_is_over(aged: Database) -> None:
    """Those with content sooner; the rest of the partition stays where it was."""
    assert _prune(aged, Retention(content_days=7, days=30)) == 10
    assert _counts(aged) == {Topic.GRAPH: 11, Topic.RAW: 1}
    assert _prune(aged, Retention(content_days=7, days=30)) == 0
    assert _prune(aged, Retention(content_days=7, days=9)) == 10
    with aged.worker.dispatch() as connection:
        assert PostgresEventLog().ends(connection, Topic.RAW)[partition_of("one")] == 11


def test_what_a_group_has_not_consumed_stays(aged: Database) -> None:
    """However old; of the slowest group, and of one that has not come to the partition yet."""
    partition = partition_of("one")
    with aged.worker.dispatch() as connection:
        offsets.commit(connection, "quick", Topic.RAW, partition, Place(11, 10))
        offsets.commit(connection, "slow", Topic.RAW, (partition + 1) % 4, Place(5, 4))
    assert _prune(aged, Retention()) == 0
    with aged.worker.dispatch() as connection:
        offsets.commit(connection, "slow", Topic.RAW, partition, Place(4, 3))
    assert _prune(aged, Retention()) == 4
    assert _counts(aged)[Topic.RAW] == 7
