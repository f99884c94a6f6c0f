"""The log that the settings ask for."""

from __future__ import annotations

from resources.events.kafka import KafkaEventLog
from resources.events.opening import open_event_log
from resources.events.postgres import PostgresEventLog
from resources.settings import Settings


def test_postgres_is_the_log_of_one_machine() -> None:
    assert isinstance(open_event_log(Settings(kafka_bootstrap_servers="")), PostgresEventLog)


def test_kafka_is_the_log_where_it_is_named() -> None:
    """Nothing is asked of it before its first use."""
    log = open_event_log(Settings(kafka_bootstrap_servers="kafka.example:9092"))
    assert isinstance(log, KafkaEventLog)
    log.close()
