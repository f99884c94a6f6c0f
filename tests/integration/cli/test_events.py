"""``drovi events``: topics are made once and held against what they should be, and lag is told by partition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from resources.events import offsets
from resources.events.envelope import Topic
from resources.events.log import PARTITIONS, Event, partition_of
from resources.events.offsets import Place
from resources.events.postgres import PostgresEventLog
from resources.settings import Settings
from tests.conftest import Database, Tenant
from tests.fakes.broker import Broker
from tests.integration.cli.conftest import Said


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def with_kafka(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Settings:
    """What commands load: Kafka, with a prefix of the test's own."""
    settings = Settings(
        home=tmp_path,
        kafka_bootstrap_servers=broker.address,
        kafka_topic_prefix=f"{abs(hash(request.node.name))}.",
        kafka_replication_factor=1,
    )
    monkeypatch.setattr(Settings, "load", lambda: settings)
    return settings


def test_the_log_in_postgres_needs_no_topics(
    drovi: Callable[..., Said], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "load", lambda: settings)
    assert drovi("events", "init", "--json").data == {"log": "postgres", "topics": []}
    assert "Postgres" in drovi("events", "init").text


def test_topics_are_made_once(drovi: Callable[..., Said], with_kafka: Settings) -> None:
    """Each with its two beside it; content is kept for a week, dead letters longest."""
    first = drovi("events", "init", "--json")
    assert first.code == 0
    topics = {topic.pop("name"): topic for topic in first.data["topics"]}
    prefix = with_kafka.kafka_topic_prefix
    assert topics.keys() == {prefix + name for topic in Topic for name in topic.names}
    assert {topic["state"] for topic in topics.values()} == {"created"}
    assert {topic["partitions"] for topic in topics.values()} == {PARTITIONS}
    assert {
        name: topics[prefix + name]["retention_days"] for name in (*Topic.RAW.names, *Topic.GRAPH.names)
    } == {
        "raw.connector.events": 7,
        "raw.connector.events.retry": 7,
        "raw.connector.events.dlq": 7,
        "graph.changes": 30,
        "graph.changes.retry": 30,
        "graph.changes.dlq": 90,
    }
    again = drovi("events", "init", "--json")
    assert {topic["state"] for topic in again.data["topics"]} == {"present"}


def test_a_topic_that_is_not_what_it_should_be_is_named(
    drovi: Callable[..., Said], with_kafka: Settings
) -> None:
    """With each difference; nothing about it is changed, and the others are made."""
    name = f"{with_kafka.kafka_topic_prefix}graph.changes"
    client = AdminClient({"bootstrap.servers": with_kafka.kafka_bootstrap_servers})
    client.create_topics([NewTopic(name, 2, 1, config={"retention.ms": "1000"})])[name].result()
    said = drovi("events", "init")
    text = " ".join(said.text.split())
    assert said.code == 2
    assert f"{name} has 2 partitions rather than 4" in text
    assert f"{name} has retention.ms 1000 rather than 2592000000" in text
    topics = client.list_topics(timeout=5).topics
    assert len(topics[name].partitions) == 2
    assert len(topics[f"{name}.retry"].partitions) == PARTITIONS


def test_too_few_brokers_are_told_with_the_setting(
    drovi: Callable[..., Said], with_kafka: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = with_kafka.model_copy(update={"kafka_replication_factor": 3})
    monkeypatch.setattr(Settings, "load", lambda: three)
    said = drovi("events", "init")
    assert (said.code, "KAFKA_REPLICATION_FACTOR" in said.text) == (2, True)


def test_brokers_that_do_not_answer_are_worth_another_try(
    drovi: Callable[..., Said], with_kafka: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = with_kafka.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:9"})
    monkeypatch.setattr(Settings, "load", lambda: gone)
    assert drovi("events", "init").code == 75


def test_lag_is_told_by_group_topic_and_partition(
    drovi: Callable[..., Said], database: Database, tenant: Tenant
) -> None:
    assert drovi("events", "lag", "--json").data == {"lag": []}
    with database.worker.dispatch() as connection:
        events = [Event(tenant.principal.org_id, Topic.GRAPH, "one", b"x") for _ in range(5)]
        PostgresEventLog().publish(connection, events)
        offsets.commit(connection, "hooks", Topic.GRAPH, partition_of("one"), Place(2, 1))
    rows = drovi("events", "lag", "--json").data["lag"]
    assert [(row["group"], row["topic"]) for row in rows] == [("hooks", "graph.changes")] * PARTITIONS
    assert {row["partition"]: row["lag"] for row in rows} == dict.fromkeys(range(PARTITIONS), 0) | {
        partition_of("one"): 3
    }
    assert "graph.changes" in drovi("events", "lag").text
