"""Consuming events beside a bare loop over the same messages: read, decode, validate, land, commit.

Ours opens and validates each event, looks up whose it is, groups the batch, lands it, tells of what landed and moves its place,
all in one transaction. The bare loops read the same messages from the same log and parse their JSON. ``same_copy`` then
does the same COPY and the same statements after it, into the same table, and commits: what is left is what consuming
costs. ``bare_table`` copies into a table with nothing but the unique key, as ``land`` is measured: that is the price of
row-level security, versions, tombstones and the queue of pending work as well. Messages per CPU-second of this process and
the database server, on the Postgres log and on Kafka (``KAFKA_BOOTSTRAP_SERVERS``, else the broker of the tests, whose own
CPU is nobody's).
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import text

from benchmarks.servers import Bench, own_seconds, server_seconds, started
from drovi_assets.connectors.contract import Change
from drovi_assets.connectors.landing import LandingScope, land
from drovi_assets.consumers.consume import Spot, consume
from drovi_assets.consumers.contract import Consumer
from drovi_assets.consumers.pushed import take_in
from drovi_assets.consumers.registry import CONSUMERS
from drovi_assets.documents.sandbox import Sandbox
from drovi_assets.pipeline.runtime import Runtime, sources_of
from resources.embedder import Embedder
from resources.events.envelope import Envelope, EventType, ItemsPushed, PushedItem, Topic
from resources.events.log import PARTITIONS, Event, EventLog
from resources.events.opening import open_event_log
from resources.events.postgres import PostgresEventLog
from resources.garbage import spare_what_is_loaded
from resources.hashing import digest
from resources.master_keys import MasterKeys
from resources.object_store import FolderStore
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from resources.settings import Settings

MESSAGES = 40_000
BATCH = 2_000
_PEER = """
CREATE TABLE peer AS SELECT * FROM source_item WITH NO DATA;
ALTER TABLE peer ALTER id SET DEFAULT uuidv7(), ALTER landed_at SET DEFAULT now(),
    ADD UNIQUE (connection_id, stream, provider_id, content_hash);
CREATE TEMP TABLE arrived AS SELECT * FROM source_item WITH NO DATA;
"""
_COLUMNS = 'org_id, audience_id, connection_id, stream, provider_id, content_hash, version, occurred_at, "window", payload'
_UPSERT = f"""
INSERT INTO peer ({_COLUMNS}) SELECT {_COLUMNS} FROM arrived
ON CONFLICT (connection_id, stream, provider_id, content_hash)
DO UPDATE SET version = excluded.version, payload = excluded.payload
"""


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """Each log at two sizes ten times apart, in a process that spares what it loaded, as the code server is."""
    spare_what_is_loaded()
    for size in ((n or MESSAGES) // 10, n or MESSAGES):
        with started() as bench, _kafka(bench.home) as kafka:
            for name, log in (("postgres", PostgresEventLog()), ("kafka", kafka)):
                if log is not None:
                    yield from _compare(bench, name, log, size)


@dataclass(frozen=True)
class _Used:
    """CPU-seconds of this process and of the database server."""

    client: float
    server: float

    @property
    def total(self) -> float:
        return self.client + self.server


def _compare(bench: Bench, name: str, log: EventLog, count: int) -> Iterator[dict[str, Any]]:
    connection_id = bench.connect("documents", f"{name}-{count}", {})
    runtime = _runtime(bench, log)
    _publish(runtime, bench, connection_id, count)
    (landing,) = (one for one in CONSUMERS if one.handle is take_in)
    consumer = replace(landing, group=f"{name}-{count}", batch=BATCH)
    beside = bench.connect("documents", f"{name}-{count}-beside", {})
    with psycopg.connect(bench.server.url("drovi", "superuser")) as peer:
        peer.execute("DROP TABLE IF EXISTS peer")
        peer.execute(_PEER)
        peer.commit()
        loops = {
            "same_copy": partial(_land, bench, beside),
            "bare_table": partial(_upsert, peer, bench, beside),
        }
        used = {
            loop: _used(bench, partial(_bare, peer, log, bench, connection_id, put))
            for loop, put in loops.items()
        }
        ours = _used(bench, partial(_ours, runtime, consumer))
        copied = peer.execute("SELECT count(*) FROM peer").fetchone()
    landed = {one: _landed(bench, one) for one in (connection_id, beside)}
    assert copied == (count,), copied
    assert landed == {connection_id: count, beside: count}, landed
    for loop, bare in used.items():
        yield {
            "name": f"event_log/{name}_{loop}",
            "ours": round(count / ours.total),
            "peer": round(count / bare.total),
            "ratio": round(bare.total / ours.total, 3),
            "unit": "messages/CPU-s, client and server",
            "n": count,
            "client_seconds": [round(ours.client, 2), round(bare.client, 2)],
            "server_seconds": [round(ours.server, 2), round(bare.server, 2)],
        }


def _landed(bench: Bench, connection_id: UUID) -> int:
    with bench.database.organisation(bench.org_id) as session:
        query = text("SELECT count(*) FROM source_item WHERE connection_id = :id")
        number: int = session.execute(query, {"id": connection_id}).scalar_one()
        return number


def _ours(runtime: Runtime, consumer: Consumer) -> None:
    for partition in range(PARTITIONS):
        spot = Spot(consumer, str(Topic.RAW), partition)
        while consume(runtime, spot, _Unlimited()).read:
            pass


_Put = Callable[[list[dict[str, Any]]], None]


def _bare(peer: psycopg.Connection[Any], log: EventLog, bench: Bench, connection_id: UUID, put: _Put) -> None:
    wanted = str(connection_id)
    for partition in range(PARTITIONS):
        offset = 0
        while messages := list(_messages(peer, log, bench, partition, offset)):
            offset = messages[-1][0] + 1
            bodies = [json.loads(payload)["body"] for _, payload in messages]
            put([item for body in bodies if body["connection_id"] == wanted for item in body["items"]])


def _upsert(
    peer: psycopg.Connection[Any], bench: Bench, connection_id: UUID, items: list[dict[str, Any]]
) -> None:
    with peer.cursor() as cursor:
        cursor.execute("TRUNCATE arrived")
        with cursor.copy(f"COPY arrived ({_COLUMNS}) FROM STDIN") as copy:
            for item in items:
                copy.write_row(_row(bench, connection_id, item))
        cursor.execute(_UPSERT)
    peer.commit()


def _land(bench: Bench, connection_id: UUID, items: list[dict[str, Any]]) -> None:
    scope = LandingScope(bench.org_id, connection_id, "items", bench.audience_id, 2026)
    changes = [
        Change(
            item["provider_id"],
            item["version"],
            item["payload"],
            datetime.fromisoformat(item["occurred_at"]),
        )
        for item in items
    ]
    with bench.database.organisation(bench.org_id) as session:
        land(session, scope, changes)


def _messages(
    peer: psycopg.Connection[Any], log: EventLog, bench: Bench, partition: int, offset: int
) -> Iterator[tuple[int, bytes]]:
    if not log.external:
        query = (
            'SELECT "offset", payload FROM event WHERE topic = %s AND partition = %s AND "offset" >= %s'
            ' ORDER BY "offset" LIMIT %s'
        )
        yield from peer.execute(query, (str(Topic.RAW), partition, offset, BATCH)).fetchall()
        return
    with bench.database.dispatch() as session:
        for one in log.read(session, str(Topic.RAW), partition, offset, BATCH):
            yield one.offset, one.payload


def _row(bench: Bench, connection_id: UUID, item: dict[str, Any]) -> tuple[Any, ...]:
    return (
        bench.org_id,
        bench.audience_id,
        connection_id,
        "items",
        item["provider_id"],
        digest(item["payload"]),
        item["version"],
        item["occurred_at"],
        "2026",
        item["payload"],
    )


def _used(bench: Bench, work: Callable[[], None]) -> _Used:
    client, server = own_seconds(), server_seconds(bench.server)
    work()
    return _Used(own_seconds() - client, server_seconds(bench.server) - server)


def _publish(runtime: Runtime, bench: Bench, connection_id: UUID, count: int) -> None:
    """One item a message, as a webhook brings them, spread over the partitions."""
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    for begin in range(0, count, 5_000):
        batch = []
        for number in range(begin, min(begin + 5_000, count)):
            content = {
                "id": number,
                "subject": f"Invoice {number} of the Morel matter",
                "from": f"person{number % 977}@example.org",
                "text": "Please find the signed amendment attached; we confirm the deadline of Friday. " * 3,
            }
            item = PushedItem(
                provider_id=f"item-{number:09d}", version=1, payload=json.dumps(content), occurred_at=moment
            )
            body = ItemsPushed(connection_id=connection_id, stream="items", items=(item,))
            envelope = Envelope(
                id=uuid.uuid4(),
                type=EventType.ITEMS_PUSHED,
                version=1,
                org_id=bench.org_id,
                occurred_at=moment,
                body=body.model_dump(mode="json"),
            )
            payload = envelope.model_dump_json().encode()
            batch.append(Event(bench.org_id, str(Topic.RAW), f"key-{number}", payload, sequence=number))
        with bench.database.dispatch() as session:
            runtime.events.publish(session, batch)


def _runtime(bench: Bench, log: EventLog) -> Runtime:
    objects = FolderStore(bench.home / "objects")
    box = SecretBox(MasterKeys(SecretFile(bench.home)))
    return Runtime(
        database=bench.database,
        objects=objects,
        parser=Sandbox(),  # never entered: nothing here has a file
        embedder=Embedder(),
        sources=sources_of(bench.database, objects, box),
        events=log,
    )


class _Unlimited:
    """All the time there is."""

    left = 3600.0


@contextmanager
def _kafka(home: Path) -> Iterator[EventLog | None]:
    """Kafka with empty topics of this benchmark's own; None where neither a broker nor the tests' is at hand."""
    from resources.events import topology

    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    broker = None
    if not given:
        try:
            from tests.fakes.broker import Broker
        except ImportError:
            yield None
            return
        folder = home / "broker"
        folder.mkdir(exist_ok=True)
        broker = Broker(folder)
        broker.start()
        given = broker.address
    settings = Settings(
        kafka_bootstrap_servers=given,
        kafka_topic_prefix=f"bench-{uuid.uuid4().hex[:8]}.",
        kafka_replication_factor=1,
    )
    topology.initialise(settings)
    log = open_event_log(settings)
    try:
        yield log
    finally:
        log.close()
        if broker is not None:
            broker.stop()
