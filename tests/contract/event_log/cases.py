"""What the tests of both logs publish, and how they look at what is there."""

from __future__ import annotations

from uuid import UUID, uuid4

from sqlalchemy import func, insert, select

from resources.events.log import PARTITIONS, Event, EventLog
from resources.schema import outbox
from resources.settings import Settings
from tests.conftest import Database

TOPIC = "graph.changes"


class Boom(Exception):
    """What cuts a transaction short."""


def kafka_settings(bootstrap_servers: str, **others: object) -> Settings:
    """With topics of their own."""
    return Settings(
        kafka_bootstrap_servers=bootstrap_servers,
        kafka_topic_prefix=f"test-{uuid4().hex}.",
        **{"kafka_replication_factor": 1, **others},
    )


def events(org_id: UUID, count: int, key: str = "") -> list[Event]:
    """Numbered in payload and sequence."""
    return [
        Event(org_id, TOPIC, key or f"key-{n}", f"{n}".encode(), {"attempt": "1"}, n) for n in range(count)
    ]


def published(log: EventLog, database: Database) -> dict[int, list[tuple[int, bytes]]]:
    """Offset and payload of everything, by partition."""
    with database.worker.dispatch() as connection:
        return {
            partition: [
                (one.offset, one.payload) for one in log.read(connection, TOPIC, partition, 0, 10_000)
            ]
            for partition in range(PARTITIONS)
        }


def fill_outbox(database: Database, org_id: UUID, count: int, start: int = 0) -> None:
    """Numbered events of five keys."""
    with database.worker.organisation(org_id) as connection:
        connection.execute(
            insert(outbox),
            [
                {"org_id": org_id, "topic": TOPIC, "key": f"key-{n % 5}", "payload": f"{n}".encode()}
                for n in range(start, start + count)
            ],
        )


def waiting(database: Database) -> int:
    """Events in the outbox."""
    with database.worker.dispatch() as connection:
        return connection.execute(select(func.count()).select_from(outbox)).scalar_one()
