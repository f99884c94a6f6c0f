"""Readers that the provider names, from the source to the search: who is taken off the list reads no row any more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, text, update

from drovi_assets.automation import Done, derive_pending
from drovi_assets.connectors.registry import CONNECTORS
from drovi_assets.connectors.runner import sync
from drovi_assets.pipeline.runtime import Runtime, sources_of
from drovi_assets.retrieval.index import recount
from drovi_assets.retrieval.search import search
from resources import audiences
from resources.object_store import FolderStore
from resources.organisations import principal_of
from resources.schema import app_user, intelligence_object, membership
from resources.schema import connection as connection_table
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from resources.tenancy import Principal
from tests.conftest import Database, Tenant
from tests.fakes.channel import ChannelSource
from tests.fakes.corpus import index_rows
from tests.fakes.embedder import FakeEmbedder

ANNE, BRUNO = "anne@firm.example", "Bruno@Firm.example"
PROMISE = "Nous vous adresserons le projet d'avenant avant le 15 mars 2026."
CONTENT = (
    "source_item",
    "record",
    "document",
    "block",
    "chunk",
    "chunk_index",
    "intelligence_object",
    "evidence",
)


@dataclass
class Room:
    """A channel that a firm's owner connected, and two colleagues of theirs."""

    database: Database
    tenant: Tenant
    runtime: Runtime
    source: ChannelSource
    connection_id: UUID
    anne: Principal
    bruno: Principal

    def post(self, message: str, words: str, readers: set[str] | None) -> None:
        """Something happens at the provider, and is read and derived."""
        self.source.post(message, words, readers)
        sync(self.runtime.sources, self.connection_id)

    def derive(self) -> None:
        derive_pending(self.runtime, self.org_id, self.connection_id, Done(), budget=60)

    @property
    def org_id(self) -> UUID:
        return self.tenant.principal.org_id

    def seen_by(self, reader: Principal) -> dict[str, int]:
        """How many rows of each kind the reader sees; the search's own functions count among them."""
        with self.database.app.acting_as(reader) as session:
            rows = {
                table: session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
                for table in CONTENT
            }
            hits = search(session, self.org_id, "projet d'avenant", embedder=self.runtime.embedder)
            functions = session.execute(
                text("SELECT count(*) FROM search_semantic(:vector, :model, 100)"),
                {"vector": str([1.0] * 384), "model": self.runtime.embedder.model_id},
            ).scalar_one()
        return rows | {"hits": len(hits), "functions": functions}

    def reads(self, reader: Principal) -> bool:
        """Whether the reader sees something; whoever does sees all of it."""
        seen = self.seen_by(reader)
        assert all(seen.values()) or not any(seen.values()), seen
        return all(seen.values())


@pytest.fixture
def room(database: Database, tenant: Tenant, tmp_path: Any) -> Room:
    org_id, audience_id, source = tenant.principal.org_id, uuid4(), ChannelSource()
    with database.worker.organisation(org_id) as session:
        people = [
            session.execute(
                insert(app_user)
                .values(email=email.lower(), name="A", email_verified_at="2026-01-01T00:00:00Z")
                .returning(app_user.c.id)
            ).scalar_one()
            for email in (ANNE, BRUNO)
        ]
        for one in people:
            session.execute(insert(membership).values(org_id=org_id, user_id=one, role="MEMBER"))
        connection_id = session.execute(
            insert(connection_table)
            .values(
                org_id=org_id,
                owner_id=tenant.principal.user_id,
                connector="channel",
                name="Channel",
                audience_id=audience_id,
            )
            .returning(connection_table.c.id)
        ).scalar_one()
        audiences.found(session, org_id, connection_id, audience_id)
    objects, box = FolderStore(tmp_path / "objects"), SecretBox(SecretFile(tmp_path))
    sources = replace(
        sources_of(database.worker, objects, box), connectors={**CONNECTORS, "channel": source.spec()}
    )
    return Room(
        database,
        tenant,
        Runtime(database.worker, objects, None, FakeEmbedder(), sources),  # type: ignore[arg-type]
        source,
        connection_id,
        *(principal_of(database.worker, org_id, one) for one in people),
    )


def test_those_whom_the_provider_names_read_and_others_do_not(room: Room) -> None:
    """However the provider spells an address, and whatever else it names."""
    room.post("m1", PROMISE, {BRUNO, "deleted-account", "outsider@elsewhere.example"})
    room.derive()
    assert room.reads(room.bruno)
    assert not room.reads(room.anne)
    assert not room.reads(room.tenant.principal)


def test_who_is_taken_off_the_list_is_blind_when_the_page_commits(room: Room) -> None:
    """Before anything is derived again, in every table and in the index; who is put on it sees all of it."""
    room.post("m1", PROMISE, {ANNE, BRUNO})
    room.derive()
    assert room.reads(room.anne)
    room.post("m1", PROMISE, {BRUNO})
    assert not room.reads(room.anne)
    assert room.reads(room.bruno)
    room.post("m1", PROMISE, {ANNE, BRUNO})
    assert room.reads(room.anne)
    room.post("m1", PROMISE, None)
    assert room.reads(room.tenant.principal)


def test_old_versions_follow_the_newest_ones_readers(room: Room) -> None:
    """A past that was written for more readers is not left open to them."""
    room.post("m1", PROMISE, {ANNE, BRUNO})
    room.derive()
    room.post("m1", PROMISE + " Confidentiel.", {BRUNO})
    assert not room.reads(room.anne)
    room.derive()
    assert not room.reads(room.anne)
    assert room.seen_by(room.bruno)["document"] == 2


def test_the_index_counts_what_moved(room: Room) -> None:
    """The statistics by audience are what a count finds."""
    for number in range(3):
        room.post(f"m{number}", f"{PROMISE} {number}", {ANNE})
    room.derive()
    room.post("m1", f"{PROMISE} 1", {BRUNO})
    with room.database.worker.organisation(room.org_id) as session:
        kept = index_rows(session)
        recount(session, room.org_id)
        assert index_rows(session) == kept


def test_an_object_that_rests_on_two_documents_is_for_those_who_read_both(room: Room) -> None:
    room.post("m1", PROMISE, {ANNE, BRUNO})
    room.post("m2", PROMISE, {ANNE, BRUNO})
    room.derive()
    with room.database.worker.organisation(room.org_id) as session:
        first, second = session.execute(
            select(intelligence_object.c.id).order_by(intelligence_object.c.id).limit(2)
        ).scalars()
        # What a later stage will derive: one object, proven by both messages.
        session.execute(
            text("UPDATE evidence SET object_id = :first WHERE object_id = :second; "),
            {"first": first, "second": second},
        )
        session.execute(text("DELETE FROM intelligence_object WHERE id = :second"), {"second": second})
    room.post("m2", PROMISE, {BRUNO})

    def sees(reader: Principal) -> int:
        with room.database.app.acting_as(reader) as session:
            return len(session.execute(select(intelligence_object.c.id)).all())

    assert (sees(room.anne), sees(room.bruno)) == (0, 1)


def test_a_private_time_keeps_the_providers_list(room: Room) -> None:
    room.post("m1", PROMISE, {ANNE})
    room.derive()
    for visibility, expected in (("PRIVATE", False), ("ORG_SHARED", True)):
        with room.database.worker.dispatch() as session:
            session.execute(update(connection_table).values(visibility=visibility))
        assert room.reads(room.anne) is expected
        assert not room.reads(room.bruno)
