"""A provider goes on pushing whatever it does with our subscriptions, and a person is asked only where one must act."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, func, select, text, update

from drovi_assets.chores.contract import Step, Task
from drovi_assets.chores.registry import CHORES
from drovi_assets.chores.sources import erase_source
from drovi_assets.chores.subscriptions import renew_subscriptions, subscribing
from drovi_assets.connectors import leases
from drovi_assets.connectors.intakes import hash_of, open_intake
from drovi_assets.connectors.registry import CONNECTORS
from drovi_assets.pipeline.runtime import Runtime
from resources.clock import now
from resources.errors import CredentialExpired, ProviderDown, RateLimited
from resources.schema import call_budget, connection, subscription, webhook_intake
from tests.conftest import make_tenant
from tests.fakes.pushing_source import PushingSource
from tests.integration.connectors.conftest import Bench, bench

__all__ = ["bench"]
PUBLIC = "https://drovi.firm.example"


@dataclass
class Left:
    left: float = 10.0


@dataclass
class Ground:
    """A connection to a provider that pushes."""

    bench: Bench
    source: PushingSource
    id: UUID
    runtime: Runtime = field(init=False)

    def __post_init__(self) -> None:
        sources = self.bench.with_connector(self.source.spec())
        self.runtime = cast(
            "Runtime",
            SimpleNamespace(
                database=self.bench.database.worker,
                sources=sources,
                objects=sources.objects,
                public_url=PUBLIC,
            ),
        )

    def renew(self, left: float = 10.0, org_id: UUID | None = None) -> Step:
        task = Task(uuid4(), org_id or self.bench.org_id, None, None, {}, {})
        return renew_subscriptions(self.runtime, task, Left(left))

    def row(self) -> Any:
        with self.bench.database.worker.dispatch() as session:
            return session.execute(select(subscription)).one()

    def due(self) -> None:
        with self.bench.database.worker.dispatch() as session:
            session.execute(update(subscription).values(due_at=func.now()))
            session.execute(delete(call_budget))  # a provider's deadline is over too

    def status(self, **values: Any) -> Any:
        if values:
            with self.bench.database.worker.dispatch() as session:
                session.execute(update(connection).values(**values))
        return self.bench.row(self.id)


@pytest.fixture
def ground(bench: Bench) -> Ground:
    connection_id = bench.connect("pushing", {})
    with bench.database.worker.organisation(bench.org_id) as session:
        audience = bench.row(connection_id).audience_id
        open_intake(session, bench.runtime.secrets, bench.org_id, connection_id, audience)
    return Ground(bench, PushingSource(), connection_id)


def test_a_new_connection_is_subscribed_with_its_address_and_secret(ground: Ground) -> None:
    step = ground.renew()
    assert (step.finished, step.progress) == (True, {"renewed": 1, "failed": 0})
    ((url, secret),) = ground.source.standing.values()
    assert secret.startswith("whsec_")
    with ground.bench.database.worker.organisation(ground.bench.org_id) as session:
        found = session.execute(select(webhook_intake.c.token_hash)).scalar_one()
    assert found == hash_of(url.removeprefix(f"{PUBLIC}/webhooks/v1/"))
    assert ground.row().provider_id in ground.source.standing


@pytest.mark.parametrize(
    ("lifetime", "due_in"),
    [
        (timedelta(days=3), timedelta(days=2)),
        (timedelta(hours=1), timedelta(minutes=30)),
        (timedelta(), timedelta()),
    ],
)
def test_it_is_renewed_well_before_it_ends(ground: Ground, lifetime: timedelta, due_in: timedelta) -> None:
    """A day before; of one that is shorter than two, at half of its time."""
    ground.source.lifetime = lifetime
    ground.renew()
    assert abs(ground.row().due_at - now() - due_in) < timedelta(seconds=30)


def test_what_is_not_due_is_left_alone(ground: Ground) -> None:
    ground.renew()
    assert ground.renew().progress == {"renewed": 0, "failed": 0}
    assert ground.source.calls == ["subscribe"]


@pytest.mark.parametrize("renames", [False, True])
def test_a_renewal_goes_on_under_the_name_that_the_provider_gives(ground: Ground, renames: bool) -> None:
    ground.source.renames = renames
    ground.renew()
    for _ in range(3):
        ground.due()
        ground.renew()
    assert ground.source.calls == ["subscribe", "renew", "renew", "renew"]
    assert [ground.row().provider_id] == list(ground.source.standing)


def test_what_the_provider_forgot_is_made_anew_at_once(ground: Ground) -> None:
    ground.renew()
    before = ground.row().provider_id
    ground.source.standing.clear()
    ground.due()
    assert ground.renew().progress["renewed"] == 1
    assert ground.row().provider_id != before
    assert list(ground.source.standing) == [ground.row().provider_id]


def test_what_was_forgotten_is_not_asked_for_again(ground: Ground) -> None:
    """Also where the provider goes away between the two calls."""
    ground.renew()
    ground.source.standing.clear()
    ground.due()
    original = ground.source.called

    def fails_to_subscribe(call: str) -> None:
        original(call)
        if call == "subscribe":
            raise ProviderDown("The provider is away.")

    ground.source.called = fails_to_subscribe  # type: ignore[method-assign]
    ground.renew()
    assert ground.row().provider_id is None
    del ground.source.called
    ground.due()
    ground.renew()
    assert ground.source.calls == ["subscribe", "renew", "subscribe", "subscribe"]


def test_a_provider_that_is_away_is_tried_later_each_time(ground: Ground) -> None:
    """And stays what it was: active, with its subscription as it stands."""
    ground.renew()
    name = ground.row().provider_id
    ground.source.failures = [
        ProviderDown("away"),
        ProviderDown("away"),
        RateLimited("slowly", retry_after=900),
    ]
    waits = []
    for _ in range(3):
        ground.due()
        assert ground.renew().progress["failed"] == 1
        waits.append((ground.row().due_at - now()).total_seconds())
    assert waits == pytest.approx([30, 60, 900], abs=15)
    assert (ground.row().provider_id, ground.status().status) == (name, "active")
    assert "slowly" in ground.row().problem
    ground.due()
    ground.renew()
    assert (ground.row().failures, ground.row().problem) == (0, "")


def test_where_a_person_must_act_it_stops_and_tells_them(ground: Ground) -> None:
    """Nothing is tried until they have; then it goes on by itself."""
    ground.source.failures = [CredentialExpired("The sign-in was revoked.", remedy="Sign in again.")]
    ground.renew()
    told = ground.status()
    assert (told.status, told.status_detail) == ("needs_person", "The sign-in was revoked. Sign in again.")
    for _ in range(3):
        ground.due()
        ground.renew()
    assert ground.source.calls == ["subscribe"]
    ground.status(status="active", status_detail="")
    ground.renew()
    assert ground.source.calls == ["subscribe", "subscribe"]
    assert len(ground.source.standing) == 1


@pytest.mark.parametrize("status", ["paused", "erasing"])
def test_what_is_not_read_is_not_subscribed(ground: Ground, status: str) -> None:
    ground.status(status=status)
    ground.renew()
    assert ground.source.calls == []


def test_nobody_subscribes_while_it_is_read(ground: Ground) -> None:
    """Two at once would leave one at the provider that nobody knows of."""
    with leases.held(ground.bench.database.worker, ground.bench.org_id, ground.id, "somebody else", 60):
        assert ground.renew().progress["failed"] == 1
    assert ground.source.calls == []
    assert ground.renew().progress["renewed"] == 1


def test_a_step_ends_with_its_time(ground: Ground) -> None:
    step = ground.renew(left=0.0)
    assert (step.finished, ground.source.calls) == (False, [])


def test_another_organisation_is_left_alone(ground: Ground) -> None:
    neighbour = make_tenant(ground.bench.database, "Dubois Audit")
    ground.renew(org_id=neighbour.principal.org_id)
    assert ground.source.calls == []


def test_it_goes_with_its_connection(ground: Ground) -> None:
    ground.renew()
    with ground.bench.database.worker.organisation(ground.bench.org_id) as session:
        session.execute(text("DELETE FROM connection"))
        assert session.execute(select(func.count()).select_from(subscription)).scalar_one() == 0


@pytest.mark.parametrize("failing", [False, True])
def test_it_is_ended_when_its_source_is_erased(ground: Ground, failing: bool) -> None:
    """Asked once: a provider that is away does not keep what is to be erased."""
    ground.renew()
    ground.source.failures = [ProviderDown("The provider is away.")] if failing else []
    task = Task(uuid4(), ground.bench.org_id, ground.id, None, {"connection_id": str(ground.id)}, {})
    assert erase_source(ground.runtime, task, Left()).finished
    assert ground.source.calls == ["subscribe", "unsubscribe"]
    assert bool(ground.source.standing) is failing
    with ground.bench.database.worker.dispatch() as session:
        assert session.execute(select(func.count()).select_from(connection)).scalar_one() == 0


def test_the_clock_can_ask_for_it() -> None:
    assert CHORES["renew_subscriptions"] is renew_subscriptions
    assert subscribing(CONNECTORS) == []
    assert subscribing({"pushing": PushingSource().spec()}) == ["pushing"]
