"""What the log in Kafka adds to the contract: it fails apart from the database, and events may be there twice."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from pathlib import Path
from uuid import UUID

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from structlog.testing import capture_logs

from resources.errors import (
    CredentialExpired,
    NotConfigured,
    PermissionMissing,
    ProviderDown,
    TimedOut,
    Transient,
)
from resources.events import topology
from resources.events.kafka import KafkaEventLog
from resources.events.kafka_client import Brokers, KafkaError, client_settings, fault
from resources.events.log import LARGEST_EVENT, Event, EventLog, StoredEvent, partition_of
from resources.events.offsets import Place
from resources.events.relay import relay, try_relay
from resources.settings import Settings
from resources.telemetry import metrics
from tests.conftest import Database
from tests.contract.event_log.cases import (
    TOPIC,
    Boom,
    events,
    fill_outbox,
    kafka_settings,
    waiting,
)
from tests.fakes.broker import Broker

PATIENT = 30.0
WORD = "of the broker"


def _log(settings: Settings, *, delivery_seconds: float = 1.0, rest_seconds: float = 0.0) -> KafkaEventLog:
    """Gives up sooner than the one in use."""
    return KafkaEventLog(
        Brokers(client_settings(settings), rest_seconds),
        prefix=settings.kafka_topic_prefix,
        delivery_seconds=delivery_seconds,
    )


def _read(log: EventLog, database: Database, partition: int, offset: int = 0) -> list[StoredEvent]:
    with database.worker.dispatch() as connection:
        return log.read(connection, TOPIC, partition, offset, 10_000)


def _handled(log: EventLog, database: Database) -> dict[int, list[int]]:
    """What a consumer handles of each key, in order: what it has handled before it passes over."""
    by_key: defaultdict[int, list[int]] = defaultdict(list)
    for partition in range(4):
        place = Place()
        for event in _read(log, database, partition):
            if not place.handled(event):
                by_key[int(event.payload) % 5].append(int(event.payload))
            place = place.after(event)
    return by_key


class DyingLog:
    """Dies after publishing, before the outbox knows."""

    external = True

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def publish(self, connection, events):
        self._log.publish(connection, events)
        raise Boom


def test_a_relay_that_dies_after_publishing_does_it_again_under_the_same_numbers(
    kafka: EventLog, database: Database, org_id: UUID
) -> None:
    """In order, so that a consumer that passes over the numbers it has seen handles each once."""
    fill_outbox(database, org_id, 40)
    for limit in (7, 20):
        with pytest.raises(Boom):
            relay(database.worker, limit, DyingLog(kafka))
        fill_outbox(database, org_id, 5, start=waiting(database))
    while relay(database.worker, 15, kafka):
        pass
    assert waiting(database) == 0
    stored = [event for partition in range(4) for event in _read(kafka, database, partition)]
    assert len(stored) == 50 + 7 + 20, "all of what was published before the crashes is there twice"
    numbers = defaultdict(set)
    for event in stored:
        numbers[event.payload].add(event.sequence)
    assert all(len(found) == 1 for found in numbers.values()), "an event keeps its number"
    handled = _handled(kafka, database)
    assert sorted(n for numbers in handled.values() for n in numbers) == [*range(50)]
    assert all(numbers == sorted(numbers) for numbers in handled.values())


def test_while_brokers_are_away_the_outbox_grows_and_then_drains(
    tmp_path: Path, database: Database, org_id: UUID, request: pytest.FixtureRequest
) -> None:
    """Nothing is lost, and each key keeps its order, with two relays at work and the same clients throughout."""
    broker = Broker(tmp_path)
    request.addfinalizer(broker.stop)
    broker.start()
    settings = kafka_settings(broker.address)
    topology.initialise(settings)
    log = _log(settings, delivery_seconds=5.0)
    request.addfinalizer(log.close)
    fill_outbox(database, org_id, 20)
    assert relay(database.worker, 100, log) == 20
    broker.stop()
    fill_outbox(database, org_id, 30, start=20)
    assert try_relay(database.worker, 100, log) == 0
    with pytest.raises(Transient):
        relay(database.worker, 100, log)
    with pytest.raises(Transient):
        _read(log, database, 0)
    fill_outbox(database, org_id, 10, start=50)
    assert waiting(database) == 40
    broker.start()

    def drain() -> None:
        deadline = time.monotonic() + PATIENT
        while waiting(database) and time.monotonic() < deadline:
            try_relay(database.worker, 9, log)

    threads = [threading.Thread(target=drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waiting(database) == 0
    handled = _handled(log, database)
    assert sorted(n for numbers in handled.values() for n in numbers) == [*range(60)]
    assert all(numbers == sorted(numbers) for numbers in handled.values())


def test_brokers_that_did_not_answer_are_left_alone_for_a_while(database: Database, org_id: UUID) -> None:
    """The next caller is sent away at once, with the same reason."""
    log = _log(kafka_settings("127.0.0.1:9"), delivery_seconds=0.5, rest_seconds=60)
    with database.worker.dispatch() as connection:
        with pytest.raises(Transient):
            log.publish(connection, events(org_id, 1))
        begun = time.monotonic()
        with pytest.raises(Transient):
            log.read(connection, TOPIC, 0, 0, 1)
        with pytest.raises(Transient):
            log.ends(connection, TOPIC)
        assert time.monotonic() - begun < 0.4
    log.close()


def test_a_missing_topic_is_told_with_its_remedy(
    settings: Settings, database: Database, org_id: UUID
) -> None:
    """By whoever touches it; nothing is made in passing, with whatever the brokers take for right."""
    log = _log(settings)
    with database.worker.dispatch() as connection:
        for ask in (
            lambda: log.publish(connection, events(org_id, 5)),
            lambda: log.read(connection, TOPIC, 0, 0, 1),
            lambda: log.ends(connection, TOPIC),
        ):
            with pytest.raises(NotConfigured, match="drovi events init"):
                ask()
    log.close()


def test_what_retention_removed_is_reported_and_reading_goes_on(
    kafka: EventLog, settings: Settings, database: Database, org_id: UUID
) -> None:
    """From the first that is left; the loss is counted."""
    with database.worker.dispatch() as connection:
        kafka.publish(connection, events(org_id, 20, key="one"))
    partition = partition_of("one")
    assert len(_read(kafka, database, partition)) == 20
    client = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
    gone = TopicPartition(settings.kafka_topic_prefix + TOPIC, partition, 12)
    for answer in client.delete_records([gone]).values():
        answer.result()
    counted = metrics.registry.get_sample_value("drovi_events_expired_total", {"topic": TOPIC}) or 0
    assert [event.offset for event in _read(kafka, database, partition, 5)] == [*range(12, 20)]
    assert metrics.registry.get_sample_value("drovi_events_expired_total", {"topic": TOPIC}) == counted + 7


def test_a_topic_that_was_made_anew_is_read_from_its_beginning(
    kafka: EventLog, settings: Settings, database: Database, org_id: UUID
) -> None:
    """A place beyond its end would wait for ever; sequence numbers tell what was handled before."""
    with database.worker.dispatch() as connection:
        kafka.publish(connection, events(org_id, 3, key="one"))
    assert [event.sequence for event in _read(kafka, database, partition_of("one"), 50)] == [0, 1, 2]


def test_events_of_others_are_read_as_far_as_they_go(
    kafka: EventLog, settings: Settings, database: Database
) -> None:
    """No organisation, no number, bytes that are no text: known by their offset alone."""
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    topic = settings.kafka_topic_prefix + TOPIC
    producer.produce(
        topic, value=b"\xff", key=b"\xfe", partition=0, headers={"drovi-org": b"nobody", "x": None}
    )
    producer.produce(topic, partition=0, headers={"drovi-sequence": b"-4"})
    producer.flush(10)
    first, second = _read(kafka, database, 0)
    assert (first.org_id, first.sequence, first.payload, first.key) == (None, None, b"\xff", "�")
    assert first.headers == {"x": ""}
    assert (second.sequence, second.payload, second.key, second.headers) == (None, b"", "", {})


def test_what_a_transaction_gave_up_is_not_read(
    kafka: EventLog, settings: Settings, database: Database
) -> None:
    """Only what was committed comes, and its end is found behind what was not."""
    topic = settings.kafka_topic_prefix + TOPIC
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(10)
    for payload, end in ((b"1", "commit"), (b"2", "abort")):
        producer.begin_transaction()
        producer.produce(topic, value=payload, partition=0)
        producer.flush(10)
        producer.commit_transaction(10) if end == "commit" else producer.abort_transaction(10)
    assert [event.payload for event in _read(kafka, database, 0)] == [b"1"]


def test_outside_tools_see_how_far_a_group_is(kafka: EventLog, settings: Settings) -> None:
    """As a group of Kafka's own with the installation's prefix."""
    kafka.note("search", TOPIC, {0: 7, 2: 9})
    client = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
    group = ConsumerGroupTopicPartitions(f"{settings.kafka_topic_prefix}search")
    seen: dict[int, int] = {}
    deadline = time.monotonic() + PATIENT
    while len(seen) < 2 and time.monotonic() < deadline:
        (answer,) = client.list_consumer_group_offsets([group]).values()
        seen = {place.partition: place.offset for place in answer.result().topic_partitions}
    assert seen == {0: 7, 2: 9}


def test_events_as_large_as_they_may_be_go_through(kafka: EventLog, database: Database, org_id: UUID) -> None:
    payload = os.urandom(LARGEST_EVENT)
    with database.worker.dispatch() as connection:
        kafka.publish(connection, [Event(org_id, TOPIC, "one", payload, {}, 1)])
    assert [event.payload for event in _read(kafka, database, partition_of("one"))] == [payload]


def test_one_reading_brings_no_more_than_memory_is_set_aside_for(
    kafka: EventLog, database: Database, org_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many events were asked for; the next goes on where it ended."""
    monkeypatch.setattr("resources.events.kafka.BATCH_BYTES", 200_000)
    with database.worker.dispatch() as connection:
        kafka.publish(connection, [Event(org_id, TOPIC, "one", b"x" * 10_000, {}, n) for n in range(100)])
    read: list[StoredEvent] = []
    pieces = 0
    while len(read) < 100:
        read += _read(kafka, database, partition_of("one"), len(read))
        pieces += 1
    assert [event.offset for event in read] == [*range(100)]
    assert 3 <= pieces <= 5


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError._AUTHENTICATION, CredentialExpired),
        (KafkaError.SASL_AUTHENTICATION_FAILED, CredentialExpired),
        (KafkaError._SSL, NotConfigured),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, PermissionMissing),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, NotConfigured),
        (KafkaError.MSG_SIZE_TOO_LARGE, NotConfigured),
        (KafkaError._MSG_TIMED_OUT, TimedOut),
        (KafkaError._ALL_BROKERS_DOWN, ProviderDown),
        (KafkaError.NOT_ENOUGH_REPLICAS, ProviderDown),
    ],
)
def test_errors_say_what_happens_next(code: int, kind: type[Exception]) -> None:
    error = fault(KafkaError(code), "reading")
    assert type(error) is kind
    assert error.remedy or isinstance(error, Transient)


def test_a_refused_login_is_told_instead_of_a_time_out() -> None:
    """Clients say aside why they cannot talk, and that nobody answered to who asked."""
    brokers = Brokers({}, rest_seconds=0)

    def ask() -> None:
        with brokers.asked("reading"):
            raise TimedOut("Kafka did not answer in time.")

    brokers.told(KafkaError(KafkaError._AUTHENTICATION))
    with pytest.raises(CredentialExpired, match="KAFKA_SASL_PASSWORD"):
        ask()
    with pytest.raises(TimedOut):
        ask()


def test_brokers_without_tls_are_not_spoken_to_where_it_is_asked_for(
    bootstrap_servers: str, database: Database
) -> None:
    """The caller is told that nobody answers; the log says why, and a caller is not told where brokers are."""
    log = _log(kafka_settings(bootstrap_servers, kafka_security_protocol="SSL"))
    with (
        database.worker.dispatch() as connection,
        capture_logs() as lines,
        pytest.raises(Transient) as raised,
    ):
        log.read(connection, TOPIC, 0, 0, 1)
    assert [("SSL" in line["reason"], line["log_level"]) for line in lines] == [(True, "warning")]
    assert bootstrap_servers not in str(raised.value)
    log.close()


@pytest.mark.parametrize(
    "half",
    [
        {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_username": "drovi"},
        {"kafka_ssl_certificate_location": "/etc/drovi/kafka.pem"},
    ],
)
def test_half_a_login_is_refused_before_brokers_are_asked(half: dict[str, str]) -> None:
    with pytest.raises(NotConfigured, match="KAFKA_"):
        client_settings(Settings(kafka_bootstrap_servers="127.0.0.1:9", **half))


def test_a_login_is_given_to_the_clients() -> None:
    options = client_settings(
        Settings(
            kafka_bootstrap_servers="127.0.0.1:9",
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_username="drovi",
            kafka_sasl_password=WORD,
            kafka_ssl_ca_location="/etc/drovi/ca.pem",
        )
    )
    assert options["sasl.mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl.username"], options["sasl.password"]) == ("drovi", WORD)
    assert options["ssl.ca.location"] == "/etc/drovi/ca.pem"
