"""A log with events in it, a consumer whose effects can be counted, and the clock turned forward by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from pydantic import BaseModel
from sqlalchemy import select, text

from drovi_assets.consumers.consume import Spot, Step, consume
from drovi_assets.consumers.contract import Consumer, Handled, Handler, Opened, Work
from drovi_assets.documents.model import ParsedDocument
from drovi_assets.pipeline.runtime import Runtime, sources_of
from resources import audiences
from resources.database import WorkerDatabase
from resources.errors import DroviError
from resources.events.envelope import BODIES, Envelope, ItemsPushed, PushedItem, Topic
from resources.events.log import PARTITIONS, Event, partition_of
from resources.events.relay import relay
from resources.master_keys import MasterKeys
from resources.object_store import FolderStore
from resources.schema import connection, dead_letter, delayed_event, event, source_item
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from tests.conftest import Database, Tenant
from tests.fakes.embedder import FakeEmbedder

GROUP = "counting"


class NoParser:
    """Nothing here has a file."""

    def parse_many(
        self, files: Iterable[tuple[int, bytes, str]]
    ) -> Iterable[tuple[int, ParsedDocument | DroviError]]:
        assert not list(files)
        return iter(())


class Unlimited:
    """All the time there is."""

    left = 3600.0


@dataclass(eq=False)
class Counting:
    """A handler that writes a row for each event it handles; ``raises`` may then object to any of them."""

    raises: Callable[[Opened], None] = lambda _: None
    calls: Counter[str] = field(default_factory=Counter)

    def __call__(self, work: Work, events: Sequence[Opened]) -> Handled:
        names = [name_of(one) for one in events]
        self.calls.update(names)
        # First the effects, all at once as a handler should, so that what fails has something to take back.
        query = "INSERT INTO effect (name) SELECT name FROM unnest(CAST(:names AS text[])) AS name"
        work.connection.execute(text(query), {"names": names})
        for one in events:
            self.raises(one)
        return Handled()


def name_of(opened: Opened) -> str:
    """What the test called it: the provider's id of its first item."""
    assert isinstance(opened.body, ItemsPushed)
    return opened.body.items[0].provider_id


@dataclass(frozen=True)
class Plane:
    """One tenant's events and what became of them."""

    database: Database
    tenant: Tenant
    runtime: Runtime

    @property
    def org_id(self) -> UUID:
        return self.tenant.principal.org_id

    def connect(self, name: str = "feed", *, status: str = "active") -> UUID:
        """A connection shared with the organisation."""
        audience_id = uuid4()
        with self.database.worker.organisation(self.org_id) as session:
            connection_id: UUID = session.execute(
                connection.insert()
                .values(
                    org_id=self.org_id,
                    owner_id=self.tenant.principal.user_id,
                    connector="documents",
                    name=name,
                    audience_id=audience_id,
                    status=status,
                )
                .returning(connection.c.id)
            ).scalar_one()
            audiences.found(session, self.org_id, connection_id, audience_id)
        return connection_id

    def payload(self, model: BaseModel, /, **fields: Any) -> bytes:
        kinds = {body: (kind, version) for (kind, version), (_, body) in BODIES.items()}
        kind, version = kinds[type(model)]
        told: dict[str, Any] = {
            "id": str(uuid4()),
            "type": kind,
            "version": version,
            "org_id": str(self.org_id),
            "occurred_at": datetime.now(UTC).isoformat(),
            "body": model.model_dump(mode="json"),
        }
        return Envelope.model_construct(**{**told, **fields}).model_dump_json(warnings=False).encode()

    def named(self, name: str, **fields: Any) -> bytes:
        """An event that ``name_of`` knows by this name, about no connection in particular."""
        item = PushedItem(provider_id=name, version=1, payload="{}")
        return self.payload(ItemsPushed(connection_id=UUID(int=7), stream="items", items=(item,)), **fields)

    def publish(
        self,
        payloads: Iterable[bytes],
        key: str | Callable[[int], str] = "one",
        topic: str = Topic.RAW,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        events = [
            Event(self.org_id, topic, key if isinstance(key, str) else key(number), payload, headers or {})
            for number, payload in enumerate(payloads)
        ]
        with self.database.worker.dispatch() as session:
            self.runtime.events.publish(session, events)

    def step(self, consumer: Consumer, topic: str | None = None, key: str = "one", **how: Any) -> Step:
        spot = Spot(consumer, topic or str(consumer.topic), partition_of(key))
        return consume(self.runtime, spot, Unlimited(), **how)

    def drain(self, consumer: Consumer, *, later: bool = True) -> Step:
        """All partitions of the topic and of its retries until nothing is left; ``later`` turns the clock forward."""
        total = Step()
        while True:
            if later:
                self.forward()
            relay(self.database.worker, 100_000, self.runtime.events)
            step = Step()
            for topic in (str(consumer.topic), consumer.topic.retry):
                for partition in range(PARTITIONS):
                    step.add(consume(self.runtime, Spot(consumer, topic, partition), Unlimited()))
            total.add(step)
            if not step.read and not step.paused:
                return total

    def forward(self) -> None:
        """To when everything that waits is due."""
        with self.database.worker.dispatch() as session:
            session.execute(text("UPDATE delayed_event SET not_before = now()"))
            session.execute(text("UPDATE consumer_offset SET paused_until = NULL"))

    def effects(self) -> Counter[str]:
        with self.database.worker.dispatch() as session:
            return Counter(session.execute(text("SELECT name FROM effect ORDER BY number")).scalars())

    def order(self) -> list[str]:
        with self.database.worker.dispatch() as session:
            return list(session.execute(text("SELECT name FROM effect ORDER BY number")).scalars())

    def dead(self) -> list[Any]:
        with self.database.worker.dispatch() as session:
            return list(session.execute(select(dead_letter).order_by(dead_letter.c.offset)).all())

    def delayed(self) -> list[Any]:
        with self.database.worker.dispatch() as session:
            return list(session.execute(select(delayed_event).order_by(delayed_event.c.not_before)).all())

    def stored(self, topic: str) -> list[Any]:
        with self.database.worker.dispatch() as session:
            query = select(event).where(event.c.topic == topic).order_by(event.c.partition, event.c.offset)
            return list(session.execute(query).all())

    def items(self, connection_id: UUID) -> dict[str, tuple[int, str]]:
        """Version and payload of every current item."""
        with self.database.worker.organisation(self.org_id) as session:
            rows = session.execute(
                select(source_item).where(
                    source_item.c.connection_id == connection_id, source_item.c.superseded_at.is_(None)
                )
            ).all()
        return {row.provider_id: (row.version, row.payload) for row in rows}

    def forget(self) -> None:
        """The effects so far."""
        with psycopg.connect(self.database.urls.owner, autocommit=True) as session:
            session.execute("TRUNCATE effect RESTART IDENTITY")

    def with_runtime(self, **changes: Any) -> Plane:
        return replace(self, runtime=replace(self.runtime, **changes))


@pytest.fixture
def plane(database: Database, tenant: Tenant, tmp_path: Path) -> Plane:
    with psycopg.connect(database.urls.owner, autocommit=True) as session:
        session.execute(
            "CREATE TABLE effect (number bigint GENERATED ALWAYS AS IDENTITY, name text NOT NULL)"
        )
        session.execute("GRANT SELECT, INSERT ON effect TO drovi_worker")
    return Plane(database, tenant, runtime_on(database.worker, tmp_path))


def runtime_on(database: WorkerDatabase, home: Path) -> Runtime:
    """What a consumer works with where nothing is parsed."""
    objects = FolderStore(home / "objects")
    return Runtime(
        database=database,
        objects=objects,
        parser=NoParser(),
        embedder=FakeEmbedder(),
        sources=sources_of(database, objects, SecretBox(MasterKeys(SecretFile(home)))),
    )


def counting(handler: Handler, **how: Any) -> Consumer:
    """The consumer of that handler."""
    return Consumer(Topic.RAW, GROUP, handler, **how)
