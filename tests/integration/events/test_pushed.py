"""What sources push lands as a sync would land it, once, whatever order it comes in, and is told."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update

from drovi_assets.connectors import leases
from drovi_assets.connectors.contract import Change
from drovi_assets.connectors.landing import LandingScope, land
from drovi_assets.consumers.pushed import take_in
from drovi_assets.consumers.registry import CONSUMERS
from resources.events.envelope import ItemsLanded, ItemsPushed, PushedItem, SourceChanged, Topic, opened
from resources.events.log import Event
from resources.schema import connection, outbox, skipped_item
from tests.conftest import make_tenant
from tests.integration.events.conftest import Plane

(LANDING,) = (one for one in CONSUMERS if one.handle is take_in)


def _item(name: str, version: int = 1, payload: str | None = None, **fields: object) -> PushedItem:
    told = {"provider_id": name, "version": version, "payload": payload or f'{{"v": {version}}}', **fields}
    return PushedItem(**told)


def _gone(name: str, version: int) -> PushedItem:
    return PushedItem(provider_id=name, version=version)


def _push(plane: Plane, connection_id: UUID, *items: PushedItem, stream: str = "items") -> bytes:
    return plane.payload(ItemsPushed(connection_id=connection_id, stream=stream, items=items))


def _told(plane: Plane) -> list[ItemsLanded]:
    with plane.database.worker.dispatch() as session:
        rows = session.execute(select(outbox).where(outbox.c.topic == Topic.INTELLIGENCE)).all()
    return [ItemsLanded.model_validate(opened(row.payload).body) for row in rows]


def _ids(plane: Plane) -> list[UUID]:
    with plane.database.worker.organisation(plane.org_id) as session:
        return list(session.execute(text("SELECT id FROM source_item ORDER BY id")).scalars())


def test_pushed_items_land_and_are_told_in_one_transaction(plane: Plane) -> None:
    """Many events of one connection, one event of what landed; a second time there is nothing to tell."""
    source = plane.connect()
    payloads = [_push(plane, source, _item(f"i{n}"), _item(f"j{n}")) for n in range(5)]
    plane.publish(payloads)
    assert plane.step(LANDING).handled == 5
    assert plane.items(source) == {f"{kind}{n}": (1, '{"v": 1}') for n in range(5) for kind in "ij"}
    (told,) = _told(plane)
    assert told.connection_id == source
    assert sorted(told.item_ids) == _ids(plane)
    plane.publish(payloads)
    assert plane.step(LANDING).handled == 5
    assert len(_told(plane)) == 1


def test_whatever_order_they_come_in_the_end_is_the_same(plane: Plane) -> None:
    """Versions and deletions, shuffled, some of them twice, in batches of any size: the highest version stands."""
    dice = random.Random(4)
    source = plane.connect()
    history = [
        _gone(f"i{n}", version) if dice.random() < 0.2 else _item(f"i{n}", version)
        for n in range(30)
        for version in range(1, 8)
    ]
    expected = {
        item.provider_id: (item.version, item.payload)
        for item in sorted(history, key=lambda one: one.version)
        if item.version == 7 and item.payload is not None
    }
    shuffled = [*history, *dice.sample(history, 60)]
    dice.shuffle(shuffled)
    plane.publish([_push(plane, source, item) for item in shuffled])
    while plane.step(replace(LANDING, batch=dice.randint(1, 40))).read:
        pass
    assert plane.items(source) == expected


def test_a_batch_holds_connections_of_several_organisations(plane: Plane) -> None:
    """Each lands where it belongs."""
    other = replace(plane, tenant=make_tenant(plane.database, "Cabinet Duval"))
    mine, theirs = plane.connect(), other.connect()
    with plane.database.worker.dispatch() as session:
        for owner, source in ((plane, mine), (other, theirs)) * 3:
            payload = _push(owner, source, _item(str(uuid4())))
            plane.runtime.events.publish(session, [Event(owner.org_id, Topic.RAW, "one", payload)])
    assert plane.step(LANDING).handled == 6
    assert len(plane.items(mine)) == len(other.items(theirs)) == 3


def test_another_organisations_connection_is_as_one_that_is_not_there(plane: Plane) -> None:
    """Skipped, counted, and nothing of it lands anywhere."""
    other = replace(plane, tenant=make_tenant(plane.database, "Cabinet Duval"))
    theirs = other.connect()
    plane.publish([_push(plane, theirs, _item("x")), _push(plane, uuid4(), _item("y"))])
    step = plane.step(LANDING)
    assert (step.handled, step.skipped, step.dead) == (0, 2, 0)
    assert other.items(theirs) == {}


def test_a_paused_connections_events_wait(plane: Plane) -> None:
    """They are put off, no attempt counted, and land when it goes on."""
    source = plane.connect(status="paused")
    plane.publish([_push(plane, source, _item("x"))])
    step = plane.step(LANDING)
    assert (step.handled, step.later) == (0, 1)
    assert plane.items(source) == {}
    with plane.database.worker.dispatch() as session:
        session.execute(update(connection).where(connection.c.id == source).values(status="active"))
    plane.drain(LANDING)
    assert set(plane.items(source)) == {"x"}


def test_a_stopped_connectors_events_wait(plane: Plane) -> None:
    """The kill switch is asked for its connector and organisation."""
    source = plane.connect()
    plane.publish([_push(plane, source, _item("x"))])
    asked = []

    def stopped(_session: object, connector: str, org_id: UUID) -> bool:
        asked.append((connector, org_id))
        return True

    assert plane.step(LANDING, stopped=stopped).later == 1
    assert asked == [("documents", plane.org_id)]
    assert plane.items(source) == {}


def test_one_item_that_cannot_be_stored_is_skipped_with_its_reason(plane: Plane) -> None:
    """It is the item that is at fault, and the event's others land."""
    source = plane.connect()
    plane.publish([_push(plane, source, _item("good"), _item("bad", payload='"\0"'))])
    assert plane.step(LANDING).handled == 1
    assert set(plane.items(source)) == {"good"}
    with plane.database.worker.organisation(plane.org_id) as session:
        (skipped,) = session.execute(select(skipped_item)).all()
    assert (skipped.provider_id, skipped.reason) == ("bad", "The item's text holds a NUL character.")


def test_a_source_that_changed_is_due_now(plane: Plane) -> None:
    """It is read by the next tick, and not before it where it is paused."""
    active, paused = plane.connect("active"), plane.connect("paused", status="paused")
    with plane.database.worker.dispatch() as session:
        session.execute(text("UPDATE connection SET next_sync_at = now() + interval '1 day'"))
    plane.publish([plane.payload(SourceChanged(connection_id=one)) for one in (active, paused)])
    step = plane.step(LANDING)
    assert (step.handled, step.later) == (1, 1)
    with plane.database.worker.dispatch() as session:
        due = dict(session.execute(select(connection.c.id, connection.c.next_sync_at)).all())
    assert due[active] <= datetime.now(UTC) < due[paused]


def test_a_push_waits_for_no_turn_and_lands_between_two_pages(plane: Plane) -> None:
    """While a sync has the lease it lands all the same; while a page commits it waits, and the higher version wins."""
    source = plane.connect()
    lease = leases.acquire(plane.database.worker, plane.org_id, source, "a sync")
    plane.publish([_push(plane, source, _item("x", 1))])
    assert plane.step(LANDING).handled == 1
    plane.publish([_push(plane, source, _item("x", 3))])
    with plane.database.worker.organisation(plane.org_id) as session:
        lease.renew(session)
        row = session.execute(select(connection).where(connection.c.id == source)).one()
        scope = LandingScope(plane.org_id, source, "items", row.audience_id, 2026)
        land(session, scope, [Change("x", 2, '"by the sync"')])
        pushing = threading.Thread(target=plane.step, args=(LANDING,))
        pushing.start()
        pushing.join(0.5)
        assert pushing.is_alive()
    pushing.join()
    assert plane.items(source) == {"x": (3, '{"v": 3}')}
    with plane.database.worker.organisation(plane.org_id) as session:
        lease.renew(session)  # its turn goes on under the same fence


@pytest.mark.parametrize("readers", [None, frozenset({"owner@cabinet-morel.example"})])
def test_readers_that_the_source_names_are_the_items_audience(
    plane: Plane, readers: frozenset[str] | None
) -> None:
    """As a sync does it."""
    source = plane.connect()
    plane.publish([_push(plane, source, _item("x", readers=readers))])
    plane.step(LANDING)
    with plane.database.worker.organisation(plane.org_id) as session:
        own = session.execute(select(connection.c.audience_id).where(connection.c.id == source)).scalar_one()
        landed = session.execute(text("SELECT audience_id FROM source_item")).scalar_one()
    assert (landed == own) == (readers is None)
