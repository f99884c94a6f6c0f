"""Endpoints are told what their owners may see, at that moment, until it has arrived; and nothing that was taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from drovi_assets.chores.webhooks import WAITS, deliver, enqueue
from drovi_assets.pipeline.runtime import Runtime
from resources.audit import SYSTEM, newest
from resources.clock import SystemClock, now
from resources.events.envelope import Envelope, EventType, ObjectsChanged
from resources.identity import people
from resources.kill_switches import EVERYTHING, Scope, release, throw
from resources.letters import Letter, opened
from resources.master_keys import MasterKeys
from resources.organisations import principal_of
from resources.outbound import Outbound, networks_of
from resources.schema import (
    app_user,
    connection,
    document,
    membership,
    outgoing_mail,
    webhook_delivery,
    webhook_endpoint,
)
from resources.secret_file import SecretFile
from resources.secrets import Purpose, Sealed, SecretBox
from resources.tenancy import Role
from resources.webhooks import keys_in, rotated, verified
from tests.api.seed import Seeded, seed_connection, seed_content, seed_webhook
from tests.conftest import Database, Tenant, make_tenant
from tests.fakes.receiver import Receiver, receiving

OWN_NETWORK = networks_of("127.0.0.0/8")


@dataclass
class Left:
    left: float = 10.0


@dataclass(frozen=True)
class Bench:
    """An organisation with content and an endpoint of its owner's that is told of it."""

    database: Database
    tenant: Tenant
    runtime: Runtime
    receiver: Receiver
    content: Seeded
    endpoint_id: UUID = field(default_factory=uuid4)

    @property
    def org_id(self) -> UUID:
        return self.tenant.principal.org_id

    def event(self, document_id: UUID | None = None, org_id: UUID | None = None) -> Envelope:
        body = ObjectsChanged(document_id=document_id or self.content.document_id, added=2, superseded=1)
        return Envelope(
            id=uuid4(),
            type=EventType.OBJECTS_CHANGED,
            version=1,
            org_id=org_id or self.org_id,
            occurred_at=now(),
            body=body.model_dump(mode="json"),
        )

    def letters(self) -> list[Letter]:
        """What waits to be sent to its people."""
        with self.database.worker.dispatch() as session:
            rows = session.execute(select(outgoing_mail)).all()
        return [opened(self.runtime.sources.secrets, row) for row in rows]

    def enqueue(self, envelope: Envelope | None = None) -> int:
        with self.database.worker.organisation(self.org_id) as session:
            return enqueue(session, envelope or self.event())

    def deliver(self) -> int:
        return deliver(self.runtime, Left())

    def rows(self) -> list[Any]:
        with self.database.worker.dispatch() as session:
            return list(session.execute(select(webhook_delivery).order_by(webhook_delivery.c.id)))

    def endpoint(self) -> Any:
        with self.database.worker.dispatch() as session:
            query = select(webhook_endpoint).where(webhook_endpoint.c.id == self.endpoint_id)
            return session.execute(query).one()

    def run(self, statement: Any) -> None:
        with self.database.worker.organisation(self.org_id) as session:
            session.execute(statement)

    def due(self) -> None:
        """Whatever waits has waited long enough."""
        self.run(update(webhook_delivery).values(due_at=func.now()))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def bench(database: Database, tenant: Tenant, tmp_path: Path, receiver: Receiver) -> Bench:
    secrets = SecretBox(MasterKeys(SecretFile(tmp_path)))
    runtime = SimpleNamespace(
        database=database.worker,
        sources=SimpleNamespace(secrets=secrets, clock=SystemClock()),
        outbound=Outbound(OWN_NETWORK),
    )
    content = seed_content(database, tenant, seed_connection(database, tenant))
    endpoint_id = seed_webhook(database, secrets, tenant, receiver.url)
    return Bench(database, tenant, cast("Runtime", runtime), receiver, content, endpoint_id)


def _keys(bench: Bench) -> list[str]:
    row = bench.endpoint()
    sealed = Sealed(row.key_id, bytes(row.ciphertext))
    box = bench.runtime.sources.secrets
    return keys_in(box.open(row.org_id, row.id, sealed, purpose=Purpose.WEBHOOK), now())


def test_a_change_arrives_signed_and_by_ids_alone(bench: Bench) -> None:
    event = bench.event()
    assert bench.enqueue(event) == 1
    assert bench.deliver() == 1
    ((path, headers, body),) = bench.receiver.messages
    assert path == "/hook?tenant=1"
    assert headers["host"] == f"127.0.0.1:{bench.receiver.port}"
    (row,) = bench.rows()
    assert verified(_keys(bench), headers, body, now().timestamp()).id == str(row.id)
    said = json.loads(body)
    assert said["type"] == "objects.changed"
    assert said["data"] == {
        "document_id": str(bench.content.document_id),
        "added": 2,
        "superseded": 1,
        "stale": 0,
    }
    assert (row.status, row.attempts, row.last_status) == ("delivered", 1, 200)
    assert bench.deliver() == 0
    assert len(bench.receiver.messages) == 1


@pytest.mark.parametrize("mine", [False, True], ids=["everything", "the organisation"])
def test_a_kill_switch_keeps_it_waiting(bench: Bench, mine: bool) -> None:
    """And loses nothing: it arrives once the switch is released. That of another organisation holds nothing back."""
    other = make_tenant(bench.database, "Dubois Audit").principal.org_id
    scope = Scope(org_id=bench.org_id) if mine else EVERYTHING
    bench.enqueue()
    with bench.database.worker.dispatch() as session:
        throw(session, Scope(org_id=other), "Theirs.", SYSTEM)
        throw(session, scope, "A flood.", SYSTEM)
    assert bench.deliver() == 0
    assert not bench.receiver.messages
    with bench.database.worker.dispatch() as session:
        release(session, scope, SYSTEM)
    assert bench.deliver() == 1


def test_a_repeated_event_is_told_once(bench: Bench) -> None:
    event = bench.event()
    assert [bench.enqueue(event) for _ in range(3)] == [1, 0, 0]


def _colleague(bench: Bench) -> Tenant:
    with bench.database.worker.dispatch() as session:
        values = {"email": "member@firm.example", "name": "Member"}
        user_id = session.execute(insert(app_user).values(values).returning(app_user.c.id)).scalar_one()
    with bench.database.worker.organisation(bench.org_id) as session:
        people.join(session, bench.org_id, user_id, Role.OWNER)
    return Tenant(principal_of(bench.database.worker, bench.org_id, user_id), "")


def test_an_endpoint_is_told_only_what_its_owner_may_see(bench: Bench) -> None:
    """A private source is told to its owner's endpoint and to no colleague's, an administrator's neither."""
    colleague = _colleague(bench)
    private = seed_connection(bench.database, colleague, "Private", private=True)
    hidden = seed_content(bench.database, colleague, private, "private.pdf")
    assert bench.enqueue(bench.event(hidden.document_id)) == 0
    theirs = seed_webhook(bench.database, bench.runtime.sources.secrets, colleague, bench.receiver.url)
    assert bench.enqueue(bench.event(hidden.document_id)) == 1
    assert [row.endpoint_id for row in bench.rows()] == [theirs]


def test_no_endpoint_is_told_of_another_organisations_changes(bench: Bench) -> None:
    neighbour = make_tenant(bench.database, "Dubois Audit")
    seed_webhook(bench.database, bench.runtime.sources.secrets, neighbour, bench.receiver.url)
    bench.enqueue()
    assert [row.endpoint_id for row in bench.rows()] == [bench.endpoint_id]
    with bench.database.worker.organisation(neighbour.principal.org_id) as session:
        crossed = bench.event(org_id=neighbour.principal.org_id)
        assert enqueue(session, crossed) == 0


@pytest.mark.parametrize(
    "take_back",
    [
        update(connection).values(
            visibility="PRIVATE", owner_id=text("(SELECT max(id::text)::uuid FROM app_user)")
        ),
        update(connection).values(status="erasing"),
        delete(document),
        delete(membership).where(membership.c.user_id.in_(select(webhook_endpoint.c.user_id))),
        delete(webhook_endpoint),
    ],
    ids=["made private", "being erased", "deleted", "no member any more", "endpoint removed"],
)
def test_what_was_taken_back_before_it_was_sent_is_not_sent(bench: Bench, take_back: Any) -> None:
    """Who may see it is asked again at each try."""
    _colleague(bench)
    bench.enqueue()
    if take_back.table is document:
        bench.run(text("DELETE FROM intelligence_object"))
    bench.run(take_back)
    assert bench.deliver() == 0
    assert bench.receiver.messages == []
    assert bench.rows() == []


def test_what_fails_is_tried_again_for_a_day_and_is_dead_then(bench: Bench) -> None:
    """Each time later, under the same id; the endpoint is told nothing more, and its owner sees why."""
    bench.receiver.answers = [(500, {})]
    bench.enqueue()
    waits = []
    for _ in range(len(WAITS) + 1):
        assert bench.deliver() == 0
        (row,) = bench.rows()
        waits.append((row.due_at - now()).total_seconds())
        bench.run(update(webhook_endpoint).values(failing_since=func.now() - timedelta(hours=25)))
        bench.due()
    assert all(
        wait == pytest.approx(plan * 1.05, rel=0.06, abs=3) for wait, plan in zip(waits, WAITS, strict=False)
    )
    assert sum(WAITS) == pytest.approx(24 * 3600, rel=0.05)
    (row,) = bench.rows()
    assert (row.status, row.attempts) == ("dead", len(WAITS) + 1)
    assert "500" in row.last_error
    assert len({headers["webhook-id"] for _, headers, _ in bench.receiver.messages}) == 1
    assert bench.endpoint().status == "disabled"
    assert "500" in bench.endpoint().status_detail
    with bench.database.worker.organisation(bench.org_id) as session:
        assert newest(session, bench.org_id, 1)[0].action == "webhook.disabled"
    (letter,) = bench.letters()
    assert (letter.to, letter.template) == ("owner@cabinet-morel.example", "webhook_disabled")
    assert letter.values["endpoint"] == "127.0.0.1"
    assert bench.enqueue() == 0


def test_an_endpoint_that_works_again_is_forgiven(bench: Bench) -> None:
    bench.receiver.answers = [(503, {}), (200, {})]
    bench.enqueue()
    bench.deliver()
    assert bench.endpoint().failing_since is not None
    bench.due()
    assert bench.deliver() == 1
    assert (bench.endpoint().failing_since, bench.endpoint().status) == (None, "active")


def test_a_receivers_own_wait_is_kept(bench: Bench) -> None:
    bench.receiver.answers = [(429, {"retry-after": "300"})]
    bench.enqueue()
    bench.deliver()
    (row,) = bench.rows()
    assert (row.due_at - now()).total_seconds() > 290
    bench.run(update(webhook_delivery).values(due_at=func.now() + timedelta(seconds=60)))
    bench.deliver()
    assert len(bench.receiver.messages) == 1


def test_an_endpoint_that_is_gone_is_told_nothing_more(bench: Bench) -> None:
    bench.receiver.answers = [(410, {})]
    bench.enqueue()
    bench.deliver()
    assert [row.status for row in bench.rows()] == ["dead"]
    assert bench.endpoint().status == "disabled"
    assert len(bench.letters()) == 1


def test_a_redirect_is_not_followed(bench: Bench) -> None:
    bench.receiver.answers = [(307, {"location": bench.receiver.url})]
    bench.enqueue()
    bench.deliver()
    assert len(bench.receiver.messages) == 1
    assert bench.rows()[0].status == "pending"


def test_a_worker_that_died_costs_a_repetition_under_the_same_id(bench: Bench) -> None:
    """What it had claimed is sent once the claim is over, and not before."""
    bench.enqueue()
    bench.run(update(webhook_delivery).values(attempts=1, due_at=func.now() + timedelta(seconds=60)))
    assert bench.deliver() == 0
    bench.due()
    assert bench.deliver() == 1


def test_messages_are_signed_with_both_secrets_while_one_follows_the_other(bench: Bench) -> None:
    box = bench.runtime.sources.secrets
    (before,) = _keys(bench)
    row = bench.endpoint()
    old = box.open(bench.org_id, row.id, Sealed(row.key_id, bytes(row.ciphertext)), purpose=Purpose.WEBHOOK)
    both = box.seal(bench.org_id, row.id, rotated(old, now() + timedelta(hours=1)), purpose=Purpose.WEBHOOK)
    bench.run(update(webhook_endpoint).values(key_id=both.key_id, ciphertext=both.ciphertext))
    bench.enqueue()
    assert bench.deliver() == 1
    ((_, headers, body),) = bench.receiver.messages
    for key in (before, *_keys(bench)):
        assert verified([key], headers, body, now().timestamp())


def test_a_host_of_ones_own_is_reached_only_where_it_is_allowed(bench: Bench) -> None:
    """Not by default: the delivery waits, says why, and no connection is opened."""
    closed = cast("Any", bench.runtime)
    closed.outbound = Outbound()
    bench.enqueue()
    assert bench.deliver() == 0
    assert bench.receiver.messages == []
    assert "not public" in bench.rows()[0].last_error
