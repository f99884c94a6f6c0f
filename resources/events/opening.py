"""Which log the settings ask for."""

from __future__ import annotations

from resources.events.log import EventLog
from resources.events.postgres import PostgresEventLog
from resources.events.retention import Retention
from resources.settings import Settings


def open_event_log(settings: Settings) -> EventLog:
    """Kafka where ``KAFKA_BOOTSTRAP_SERVERS`` names it, else the table in Postgres; nothing is asked of it yet.

    Raises:
        NotConfigured: Kafka's settings contradict one another.
    """
    if not settings.kafka_bootstrap_servers:
        return PostgresEventLog(Retention.of(settings))
    from resources.events.kafka import KafkaEventLog  # its client takes 60 ms to import
    from resources.events.kafka_client import Brokers, client_settings

    return KafkaEventLog(Brokers(client_settings(settings)), prefix=settings.kafka_topic_prefix)
