"""The settings of the event log: where Kafka is, how to log in to it, and how long events are kept."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, SecretStr

from resources.settings.field import setting


class Events(BaseModel):
    """What carries events."""

    kafka_bootstrap_servers: str = setting(
        "KAFKA_BOOTSTRAP_SERVERS",
        "Event log",
        "Comma-separated `host:port` of Kafka brokers. Empty: the event log is kept in Postgres.",
        "",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = setting(
        "KAFKA_SECURITY_PROTOCOL", "Event log", "How brokers are spoken to.", "PLAINTEXT"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = setting(
        "KAFKA_SASL_MECHANISM",
        "Event log",
        "How Drovi logs in, where KAFKA_SECURITY_PROTOCOL is one of SASL.",
        "SCRAM-SHA-512",
    )
    kafka_sasl_username: str = setting(
        "KAFKA_SASL_USERNAME", "Event log", "Whom Drovi logs in to Kafka as, with SASL.", ""
    )
    kafka_sasl_password: SecretStr = setting(
        "KAFKA_SASL_PASSWORD", "Event log", "Their password.", SecretStr("")
    )
    kafka_ssl_ca_location: str = setting(
        "KAFKA_SSL_CA_LOCATION",
        "Event log",
        "PEM file of the authority that the brokers' certificates are trusted by. Empty: the public ones.",
        "",
    )
    kafka_ssl_certificate_location: str = setting(
        "KAFKA_SSL_CERTIFICATE_LOCATION",
        "Event log",
        "PEM file of the certificate that Drovi shows to brokers. Empty: it shows none.",
        "",
    )
    kafka_ssl_key_location: str = setting(
        "KAFKA_SSL_KEY_LOCATION", "Event log", "PEM file of that certificate's private key.", ""
    )
    kafka_topic_prefix: str = setting(
        "KAFKA_TOPIC_PREFIX",
        "Event log",
        "Put before every topic and consumer group in Kafka, where several installations share brokers.",
        "",
        pattern=r"^[A-Za-z0-9._-]{0,100}$",
    )
    kafka_replication_factor: int = setting(
        "KAFKA_REPLICATION_FACTOR",
        "Event log",
        "Brokers that keep each event; all but one of them have it before it counts as published.",
        3,
        ge=1,
        le=10,
    )
    event_content_days: int = setting(
        "DROVI_EVENT_CONTENT_DAYS",
        "Event log",
        "Days that events with a source's content in them are kept, whatever happened to them. "
        "Kafka cannot erase one event: this bounds what outlives an erasure there.",
        7,
        ge=1,
    )
    event_days: int = setting(
        "DROVI_EVENT_DAYS",
        "Event log",
        "Days that other events are kept, which name things by their ids. The log in Postgres keeps any event until it is consumed.",
        30,
        ge=1,
    )
    dead_event_days: int = setting(
        "DROVI_DEAD_EVENT_DAYS",
        "Event log",
        "Days that such events are kept in dead-letter topics. `drovi dlq` is not bound by it.",
        90,
        ge=1,
    )
