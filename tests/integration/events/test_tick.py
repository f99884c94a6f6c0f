"""The consumers that are in use, and what stops and counts them: a whole tick, without Dagster."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from drovi_assets.consumers.contract import Consumer
from drovi_assets.deadline import Budget
from resources.audit import SYSTEM
from resources.events.envelope import ItemsPushed, ObjectsChanged, PushedItem, Topic, tell
from resources.kill_switches import EVERYTHING, Scope, release, throw
from resources.master_keys import MasterKeys
from resources.schema import webhook_delivery
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from resources.telemetry import metrics
from sensors import events
from tests.api.seed import seed_connection, seed_content, seed_webhook
from tests.integration.events.conftest import Counting, Plane


def _tick(plane: Plane) -> events.Ticked:
    return events.run_tick(plane.runtime, Budget.of(30))


def _counted(name: str, topic: str) -> float:
    return metrics.registry.get_sample_value(name, {"topic": topic}) or 0.0


@pytest.mark.parametrize("scope", ["everything", "connector", "organisation"])
def test_a_kill_switch_keeps_what_was_pushed_waiting(plane: Plane, scope: str) -> None:
    """Nothing of it lands, no attempt is counted and nothing is lost: it lands once the switch is released."""
    scopes = {
        "everything": EVERYTHING,
        "connector": Scope(connector="documents"),
        "organisation": Scope(org_id=plane.org_id),
    }
    source = plane.connect()
    pushed = ItemsPushed(
        connection_id=source,
        stream="items",
        items=(PushedItem(provider_id="one", version=1, payload="{}"),),
    )
    plane.publish([plane.payload(pushed)], key=str(source))
    with plane.database.worker.dispatch() as session:
        throw(session, scopes[scope], "A flood.", SYSTEM)
    assert _tick(plane).step.later == 1
    assert not plane.items(source)
    (waiting,) = plane.delayed()
    assert waiting.headers.get("attempt", "0") == "0"
    with plane.database.worker.dispatch() as session:
        release(session, scopes[scope], SYSTEM)
    plane.forward()
    _tick(plane)
    assert plane.items(source) == {"one": (1, "{}")}


def test_a_change_is_told_to_endpoints(plane: Plane, tmp_path) -> None:
    """From the outbox through the log to a delivery, once, whatever is read again."""
    content = seed_content(plane.database, plane.tenant, seed_connection(plane.database, plane.tenant))
    seed_webhook(plane.database, SecretBox(MasterKeys(SecretFile(tmp_path / "keys"))), plane.tenant)
    changed = ObjectsChanged(document_id=content.document_id, added=1, superseded=0)
    with plane.database.worker.organisation(plane.org_id) as session:
        event_id = tell(session, plane.org_id, changed, key=str(content.document_id))
    _tick(plane)
    (payload,) = [row.payload for row in plane.stored(Topic.GRAPH)]
    plane.publish([payload], key=str(content.document_id), topic=Topic.GRAPH)
    _tick(plane)
    with plane.database.worker.dispatch() as session:
        told = session.execute(select(webhook_delivery.c.event_id, webhook_delivery.c.org_id)).all()
    assert told == [(event_id, plane.org_id)]


def test_what_fails_is_counted_once_it_is_committed(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the topic that the events were first published to; what nobody understands never came to a handler."""
    names = (
        "drovi_events_retried_total",
        "drovi_events_dead_total",
        "drovi_event_handler_errors_total",
    )
    before = [_counted(name, Topic.RAW) for name in names]

    def object_to_bad(opened) -> None:
        if opened.body.items[0].provider_id == "bad":
            raise KeyError("bad")

    consumer = Consumer(Topic.RAW, "counting", Counting(object_to_bad), attempts=2)
    monkeypatch.setattr(events, "CONSUMERS", (consumer,))
    plane.publish([plane.named("good"), plane.named("bad"), b"no event at all"])
    _tick(plane)
    after = [_counted(name, Topic.RAW) for name in names]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 1]
