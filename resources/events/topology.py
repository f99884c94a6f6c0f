"""The topics in Kafka: made where they are missing, and held against what they should be where they are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType, TopicMetadata

from resources.errors import Conflict, NotConfigured
from resources.events.kafka_client import CALL_SECONDS, Brokers, client_settings, fault
from resources.events.log import LARGEST_EVENT, PARTITIONS
from resources.events.retention import Retention
from resources.settings import Settings

MAKING_SECONDS: Final = 30.0
_DAY: Final = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a topic should be."""

    name: str
    partitions: int
    replicas: int
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A topic that is as it should be."""

    name: str
    state: Literal["created", "present"]
    partitions: int
    replicas: int
    retention_days: int


def wanted(settings: Settings) -> list[Wanted]:
    """Every topic with those for its retries and dead letters."""
    replicas = settings.kafka_replication_factor
    return [
        Wanted(
            settings.kafka_topic_prefix + name,
            PARTITIONS,
            replicas,
            {
                "cleanup.policy": "delete",
                "retention.ms": str(days * _DAY),
                "max.message.bytes": str(2 * LARGEST_EVENT),  # a batch that holds one of the largest
                # With one broker away events are taken; with so many away that a loss could take the rest, they wait.
                "min.insync.replicas": str(max(replicas - 1, 1)),
            },
        )
        for name, days in Retention.of(settings).by_topic().items()
    ]


def initialise(settings: Settings) -> list[Found]:
    """Make what is missing; change nothing that is there.

    Raises:
        Conflict: a topic is not what it should be; each difference is named.
        NotConfigured: there are fewer brokers than KAFKA_REPLICATION_FACTOR asks for, or Kafka is not set up.
        Transient: the brokers do not answer.
    """
    brokers = Brokers(client_settings(settings), rest_seconds=0)
    client = AdminClient(dict(brokers.options))
    topics = wanted(settings)
    with brokers.asked("listing topics"):
        there = client.list_topics(timeout=CALL_SECONDS).topics
    with brokers.asked("making topics"):
        made = _make(client, [topic for topic in topics if topic.name not in there])
    with brokers.asked("looking at topics"):
        old = [topic for topic in topics if topic.name not in made]
        differences = list(_differences(client, old, client.list_topics(timeout=CALL_SECONDS).topics))
    if differences:
        raise Conflict(
            f"Topics are not what they should be: {'; '.join(differences)}.",
            remedy="Alter them with Kafka's own tools, or set what is there where it is right.",
        )
    return [
        Found(
            topic.name,
            "created" if topic.name in made else "present",
            topic.partitions,
            topic.replicas,
            int(topic.options["retention.ms"]) // _DAY,
        )
        for topic in topics
    ]


def _make(client: AdminClient, missing: list[Wanted]) -> set[str]:
    """The names of the topics that were made, by us and not by somebody else meanwhile."""
    made: set[str] = set()
    if not missing:
        return made
    asked = client.create_topics(
        [
            NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=topic.replicas,
                config=dict(topic.options),
            )
            for topic in missing
        ],
        operation_timeout=MAKING_SECONDS,
        request_timeout=MAKING_SECONDS,
    )
    for name, answer in asked.items():
        try:
            answer.result()
        except KafkaException as error:
            _unless_there(name, error.args[0])
        else:
            made.add(name)
    return made


def _unless_there(name: str, error: KafkaError) -> None:
    code = error.code()
    if code == KafkaError.TOPIC_ALREADY_EXISTS:
        return
    if code == KafkaError.INVALID_REPLICATION_FACTOR:
        raise NotConfigured(
            f"Kafka has too few brokers to keep {name} as often as it is to be kept.",
            remedy="Set KAFKA_REPLICATION_FACTOR to at most their number.",
        )
    if code in {KafkaError.POLICY_VIOLATION, KafkaError.INVALID_CONFIG}:
        raise Conflict(
            f"Kafka does not allow {name} as it should be: {error.str()}.",
            remedy="Make the topic with Kafka's own tools; docs/guides/events.md says what it has to be.",
        )
    raise fault(error, f"making {name}")


def _differences(
    client: AdminClient, topics: list[Wanted], there: Mapping[str, TopicMetadata]
) -> Iterator[str]:
    if not topics:
        return
    resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in topics]
    asked = client.describe_configs(resources, request_timeout=CALL_SECONDS)
    options = {resource.name: answer.result() for resource, answer in asked.items()}
    for topic in topics:
        partitions = there[topic.name].partitions
        replicas = min((len(partition.replicas) for partition in partitions.values()), default=0)
        if len(partitions) != topic.partitions:
            yield f"{topic.name} has {len(partitions)} partitions rather than {topic.partitions}"
        if replicas != topic.replicas:
            yield f"{topic.name} is kept by {replicas} brokers rather than {topic.replicas}"
        for option, value in topic.options.items():
            found = options[topic.name].get(option)
            if found is None or found.value != value:
                yield f"{topic.name} has {option} {found.value if found else 'unset'} rather than {value}"
