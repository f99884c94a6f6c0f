"""The log in Kafka."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec
from sqlalchemy import Connection

from resources.errors import NotConfigured, ProviderDown, TimedOut
from resources.events.kafka_client import CALL_SECONDS, INITIALISE, Brokers
from resources.events.log import LARGEST_EVENT, PARTITIONS, Event, StoredEvent, partition_of
from resources.telemetry import get_logger, metrics

ORG_HEADER: Final = "drovi-org"
SEQUENCE_HEADER: Final = "drovi-sequence"
DELIVERY_SECONDS: Final = 8.0
"""What a batch may take to be on every broker that has to have it."""
SLICE_SECONDS: Final = 0.1
BATCH_BYTES: Final = 32 * 1024 * 1024
"""What one reading brings, and little more, however many events were asked for."""
AT_ONCE: Final = 25
_PUBLISHER: Final = {
    "acks": "all",
    "enable.idempotence": True,
    # Two events of a partition never arrive without the one between them: a consumer that has seen a sequence number
    # passes over the smaller ones, so a gap that is filled later would be lost.
    "enable.gapless.guarantee": True,
    "compression.type": "lz4",
    "linger.ms": 5,
    "message.max.bytes": LARGEST_EVENT + 64 * 1024,  # its key and headers
}
_READER: Final = {
    "group.id": "drovi",  # asked for by the library; places are kept in Postgres, and told by ``note``
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "auto.offset.reset": "error",  # a place that is gone is ours to report
    "fetch.wait.max.ms": 50,
    "queued.max.messages.kbytes": BATCH_BYTES // 1024,
    "fetch.message.max.bytes": LARGEST_EVENT + 64 * 1024,
}
_END: Final = OffsetSpec.latest()
_log = get_logger(__name__)


class KafkaEventLog:
    """One producer and one consumer a process, opened with their first use; safe from many threads.

    The consumer holds the one partition that is being read and lets go of it at its end: one that is held is asked for
    over and over, idle or not.
    """

    external = True

    def __init__(
        self, brokers: Brokers, *, prefix: str = "", delivery_seconds: float = DELIVERY_SECONDS
    ) -> None:
        self._brokers = brokers
        self._prefix = prefix
        self._delivery_seconds = delivery_seconds
        self._publishing = threading.Lock()
        self._reading = threading.Lock()
        self._producer: Producer | None = None
        self._consumer: Consumer | None = None
        self._asker: AdminClient | None = None
        self._there: set[str] = set()
        self._at: tuple[str, int, int] | None = None
        """Topic, partition and offset that the consumer delivers next."""

    def publish(self, connection: Connection, events: Sequence[Event]) -> None:
        """As :meth:`EventLog.publish`."""
        del connection
        with self._publishing, self._brokers.asked("publishing"):
            self._expect({event.topic for event in events})
            if self._producer is None:
                timeout = {"delivery.timeout.ms": int(self._delivery_seconds * 1000)}
                self._producer = Producer({**self._brokers.options, **_PUBLISHER, **timeout})
            try:
                self._deliver(self._producer, events)
            except BaseException:
                # What is still in it must not follow later, after what is published again.
                self._producer.purge()
                self._producer.poll(0)
                self._producer = None
                raise

    def _expect(self, topics: set[str]) -> None:
        """Before a topic is first published to: brokers may make one that is missing, with the partitions that they like.

        Raises:
            NotConfigured: one is not there.
        """
        if topics <= self._there:
            return
        known = self._opened_asker().list_topics(timeout=CALL_SECONDS).topics
        for topic in sorted(topics - self._there):
            found = known.get(self._prefix + topic)
            if found is None or len(found.partitions) < PARTITIONS:
                raise NotConfigured(
                    f"The topic {topic} is missing in Kafka, or partitions of it.", remedy=INITIALISE
                )
        self._there |= topics

    def _deliver(self, producer: Producer, events: Sequence[Event]) -> None:
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            del message
            if error is not None:
                failed.append(error)

        deadline = (
            time.monotonic() + self._delivery_seconds + 1
        )  # the producer itself gives up first, and says why
        for event in events:
            while not self._enqueued(producer, event, delivered):
                producer.poll(SLICE_SECONDS)
                if failed or time.monotonic() > deadline:
                    break
        left = producer.flush(max(deadline - time.monotonic(), 0))
        if failed:
            raise KafkaException(failed[0])
        if left:
            raise TimedOut(f"Kafka took {len(events) - left} of {len(events)} events in time.")

    def _enqueued(self, producer: Producer, event: Event, delivered: Any) -> bool:
        """False where the producer's queue is full."""
        headers = {name: value.encode() for name, value in event.headers.items()}
        headers[ORG_HEADER] = str(event.org_id).encode()
        if event.sequence is not None:
            headers[SEQUENCE_HEADER] = str(event.sequence).encode()
        try:
            producer.produce(
                self._prefix + event.topic,
                value=event.payload,
                key=event.key.encode(),
                partition=partition_of(event.key),
                headers=list(headers.items()),
                on_delivery=delivered,
            )
        except BufferError:
            return False
        return True

    def read(
        self, connection: Connection, topic: str, partition: int, offset: int, limit: int
    ) -> list[StoredEvent]:
        """As :meth:`EventLog.read`; fewer where they are large."""
        del connection
        with self._reading, self._brokers.asked(f"reading {topic}"):
            consumer = self._opened_consumer()
            try:
                place = TopicPartition(self._prefix + topic, partition)
                first, end = consumer.get_watermark_offsets(place, timeout=CALL_SECONDS, cached=False)
                start = _start(topic, partition, offset, first, end)
                if start >= end:
                    self._let_go()
                    return []
                if self._at != (topic, partition, start):
                    consumer.assign([TopicPartition(place.topic, partition, start)])
                messages = self._collect(consumer, end, limit)
            except BaseException:
                self._let_go()
                raise
            reached = _offset(messages[-1]) + 1 if messages else start
            self._at = (topic, partition, reached)
            if reached >= end or not messages:
                self._let_go()
        return [_stored(topic, message) for message in messages]

    def _opened_consumer(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer({**self._brokers.options, **_READER})
        return self._consumer

    def _let_go(self) -> None:
        self._at = None
        if self._consumer is not None:
            with suppress(KafkaException):
                self._consumer.unassign()
                self._consumer.poll(0)  # what it was told aside

    def _collect(self, consumer: Consumer, end: int, limit: int) -> list[Message]:
        """Up to ``limit`` messages, until the offset before ``end`` or the end of the partition is there.

        Raises:
            TimedOut: the brokers have some and bring none.
        """
        deadline = time.monotonic() + CALL_SECONDS
        messages: list[Message] = []
        size = 0
        while len(messages) < limit and size < BATCH_BYTES:
            for message in consumer.consume(min(limit - len(messages), AT_ONCE), timeout=SLICE_SECONDS):
                if (error := message.error()) is None:
                    messages.append(message)
                    size += len(message)
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library's spelling of its own code
                    return messages
                else:
                    raise KafkaException(error)
            if messages and _offset(messages[-1]) + 1 >= end:
                return messages
            if time.monotonic() > deadline:
                if messages:
                    return messages
                raise TimedOut("Kafka has events and did not bring them in time.")
        return messages

    def ends(self, connection: Connection, topic: str) -> dict[int, int]:
        """As :meth:`EventLog.ends`."""
        del connection
        wanted = {TopicPartition(self._prefix + topic, partition): _END for partition in range(PARTITIONS)}
        with self._brokers.asked(f"looking up the ends of {topic}"):
            found = self._opened_asker().list_offsets(
                wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=CALL_SECONDS
            )
            return {place.partition: answer.result().offset for place, answer in found.items()}

    def note(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """As :meth:`EventLog.note`; it is on its way when this returns, and a failure is logged."""
        places = [
            TopicPartition(self._prefix + topic, partition, offset) for partition, offset in offsets.items()
        ]
        told = partial(_noted, group, topic)
        try:
            asked = self._opened_asker().alter_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(self._prefix + group, places)], request_timeout=CALL_SECONDS
            )
        except KafkaException as error:
            _log.warning("a group's place was not noted in Kafka", group=group, topic=topic, error=str(error))
            return
        for answer in asked.values():
            answer.add_done_callback(told)

    def prune(self, connection: Connection) -> int:
        """As :meth:`EventLog.prune`; brokers do it by themselves."""
        del connection
        return 0

    def ping(self) -> None:
        """As :meth:`EventLog.ping`."""
        with self._brokers.asked("asking who is there"):
            if not self._opened_asker().list_topics(timeout=CALL_SECONDS).brokers:
                raise ProviderDown("Kafka knows of no broker.")

    def close(self) -> None:
        """As :meth:`EventLog.close`."""
        with self._reading:
            if self._consumer is not None:
                self._consumer.close()
            self._consumer = self._at = None
        with self._publishing:
            self._producer = None

    def _opened_asker(self) -> AdminClient:
        if self._asker is None:
            self._asker = AdminClient(dict(self._brokers.options))
        return self._asker


def _start(topic: str, partition: int, offset: int, first: int, end: int) -> int:
    """Where reading begins: where it was asked for, unless that is gone. Sequence numbers tell what was handled before."""
    if first <= offset <= end:
        return offset
    missing = max(first - offset, 0)
    metrics.events_expired(topic, missing)
    _log.error(
        "events are gone before they were read" if missing else "a topic is shorter than what was read of it",
        topic=topic,
        partition=partition,
        wanted=offset,
        first=first,
        end=end,
    )
    return first


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None
    return offset


def _stored(topic: str, message: Message) -> StoredEvent:
    headers: dict[str, str] = {}
    pairs = message.headers() or []
    for name, value in pairs.items() if isinstance(pairs, dict) else pairs:
        raw = value.encode() if isinstance(value, str) else value or b""
        headers[name] = raw.decode("utf-8", "replace")
    org, sequence = headers.pop(ORG_HEADER, ""), headers.pop(SEQUENCE_HEADER, "")
    key = message.key() or b""
    payload = message.value() or b""
    partition = message.partition()
    assert partition is not None
    return StoredEvent(
        topic=topic,
        partition=partition,
        offset=_offset(message),
        sequence=int(sequence) if sequence.isascii() and sequence.isdigit() else None,
        org_id=_org_id(org),
        key=key.decode("utf-8", "replace") if isinstance(key, bytes) else key,
        payload=payload if isinstance(payload, bytes) else payload.encode(),
        headers=headers,
        stored_at=datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
    )


def _org_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _noted(group: str, topic: str, answer: Any) -> None:
    if (error := answer.exception()) is not None:
        _log.warning("a group's place was not noted in Kafka", group=group, topic=topic, error=str(error))
