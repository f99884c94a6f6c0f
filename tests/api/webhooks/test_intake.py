"""What is pushed to a source: kept once and before it is answered."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import func, select, text, update

from drovi_api.app import create_app
from drovi_api.runtime import ApiRuntime
from resources.events.envelope import PushedItem
from resources.schema import (
    connection,
    webhook_intake,
    webhook_message,
)
from resources.webhooks import new_secret
from tests.api.conftest import Caller
from tests.api.live import served
from tests.api.webhooks.conftest import ITEM, Feed, forget_attempts, make_feed
from tests.conftest import REPOSITORY, Database

MESSAGES = int(os.environ.get("DROVI_TEST_WEBHOOK_MESSAGES", "20"))
"""How many messages are sent ten times at once; the whole proof is a thousand."""


def test_a_message_is_kept_before_it_is_answered(feed: Feed) -> None:
    """With what it says, exactly; its event is on the way to the log, whose state nobody asks."""
    answer = feed.push(
        {
            "items": [
                {**ITEM, "version": 7, "occurred_at": "2026-03-01T09:00:00+01:00", "readers": ["a@b.example"]}
            ],
            "deleted": [{"id": "note-0", "version": 3}],
        }
    )
    assert (answer.status_code, answer.json()) == (202, {"items": 2, "skipped": 0, "repeated": False})
    (event,) = feed.events()
    assert event.connection_id == feed.id
    assert event.stream == "pushed"
    item, gone = event.items
    assert (item.provider_id, item.version, item.readers) == ("note-1", 7, frozenset({"a@b.example"}))
    assert json.loads(item.payload or "") == {
        **ITEM, "author": "", "url": "", "occurred_at": "2026-03-01T09:00:00+01:00"
    }  # fmt: skip
    assert gone == PushedItem(provider_id="note-0", version=3)


def test_the_moment_of_signing_stands_for_a_version(feed: Feed) -> None:
    """So that the same push is the same version however often it is sent."""
    at = int(time.time()) - 60
    feed.push({"items": [ITEM]}, at=at)
    feed.push({"items": [ITEM]}, at=at)
    assert [event.items[0].version for event in feed.events()] == [at * 1_000_000] * 2
    assert len({event.items[0].payload for event in feed.events()}) == 1


def test_a_bad_item_is_left_out_with_its_reason(feed: Feed) -> None:
    """The others are taken in; the reason says nothing of what was sent."""
    answer = feed.push(
        {
            "items": [
                ITEM,
                {"id": "bad", "title": "", "text": "Xanthorrhoea"},
                "Xanthorrhoea",
                {**ITEM, "id": "n\0"},
            ],
            "deleted": [{"version": 1}],
        },
        message_id="msg_bad",
    )
    assert answer.json() == {"items": 1, "skipped": 4, "repeated": False}
    assert [one.provider_id for one in feed.events()[0].items] == ["note-1"]
    skipped = feed.skipped()
    assert skipped.keys() == {"bad", "msg_bad/items/2", "msg_bad/items/3", "msg_bad/deleted/0"}
    assert "title" in skipped["bad"]
    assert "Xanthorrhoea" not in str(skipped)


def test_a_message_of_bad_items_alone_tells_the_log_nothing(feed: Feed) -> None:
    assert feed.push({"items": [{"id": "bad"}]}).json()["items"] == 0
    assert feed.events() == []
    assert feed.skipped().keys() == {"bad"}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nonsense", b"\xff\xfe", {"things": []}, {"items": {}}, {"items": [ITEM] * 1001}]
)
def test_what_is_no_push_is_refused_and_nothing_of_it_kept(feed: Feed, body: Any) -> None:
    """To who signed it, in words that say what is wrong; mended, it may come again under its id."""
    answer = feed.push(body, message_id="msg_again")
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
    assert feed.events() == []
    assert feed.messages() == 0
    assert feed.push({"items": [ITEM]}, message_id="msg_again").json()["repeated"] is False


def test_a_paused_source_keeps_what_comes_meanwhile(feed: Feed) -> None:
    """Its sender would give it up: what it pushes waits for the source to be resumed."""
    with feed.database.worker.organisation(feed.org_id) as session:
        session.execute(update(connection).where(connection.c.id == feed.id).values(status="paused"))
    assert feed.push({"items": [ITEM]}).status_code == 202
    assert len(feed.events()) == 1


def test_a_repeated_message_has_one_effect(feed: Feed) -> None:
    """Ten times at once, and once more later: the sender is told that all is well, and it is kept once."""
    before = feed.messages()
    with ThreadPoolExecutor(10) as pool:
        for number in range(MESSAGES):
            message = feed.signed({"items": [{**ITEM, "id": f"note-{number}"}]})
            answers = list(pool.map(lambda _, m=message: feed.send(*m), range(10)))
            forget_attempts(feed.database)
            assert {answer.status_code for answer in answers} == {202}
            assert sorted(answer.json()["repeated"] for answer in answers) == [False] + [True] * 9
    assert feed.send(*message).json()["repeated"] is True
    events = [event.items[0].provider_id for event in feed.events()]
    assert sorted(events) == sorted(f"note-{number}" for number in range(MESSAGES))
    assert feed.messages() - before == MESSAGES


def test_an_id_is_its_senders_own(feed: Feed, newcomer: Callable[[], Caller], api_database: Database) -> None:
    """Another source may use the same."""
    theirs = make_feed(newcomer(), api_database)
    assert feed.push({"items": [ITEM]}, message_id="msg_same").json()["repeated"] is False
    assert theirs.push({"items": [ITEM]}, message_id="msg_same").json()["repeated"] is False


def test_the_example_of_the_guide_works(
    newcomer: Callable[[], Caller], api_database: Database, runtime: ApiRuntime
) -> None:
    """As it stands there, with the address and the secret that were made."""
    guide = (REPOSITORY / "docs" / "guides" / "connectors.md").read_text(encoding="utf-8")
    script = guide[guide.index("    URL=https") : guide.index("| field of an item")]
    feed = make_feed(newcomer(), api_database)
    with served(create_app(runtime)) as port:
        given = {
            "URL=https://drovi.firm.example/webhooks/v1/…": f"URL=http://127.0.0.1:{port}{feed.path}",
            "SECRET=whsec_…": f"SECRET={feed.secret}",
        }
        for shown, real in given.items():
            assert shown in script
            script = script.replace(shown, real)
        said = subprocess.run(
            ["bash", "-euc", script], capture_output=True, text=True, timeout=30, check=True
        )
    assert json.loads(said.stdout) == {"items": 2, "skipped": 0, "repeated": False}
    assert [item.provider_id for item in feed.events()[0].items] == ["note-17", "note-3"]


def test_what_is_too_large_is_not_read(feed: Feed) -> None:
    answer = feed.push({"items": [{**ITEM, "text": "x" * 1024 * 1024}]})
    assert answer.status_code == 413
    assert feed.events() == []


def test_one_address_takes_so_many_a_minute(
    newcomer: Callable[[], Caller], api_database: Database, runtime: ApiRuntime
) -> None:
    """Then its sender is asked to come back; and a forger uses up nothing of it."""
    with served(create_app(replace(runtime, intake_per_minute=3))) as port:
        made = make_feed(newcomer(), api_database)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            feed = replace(made, http=http)
            for _ in range(5):
                assert feed.push({"items": [ITEM]}, secret=new_secret()).status_code == 401
            assert [feed.push({"items": [ITEM]}).status_code for _ in range(3)] == [202] * 3
            refused = feed.push({"items": [ITEM]})
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["retry-after"]) >= 1
    assert len(feed.events()) == 3


def test_a_source_that_is_read_has_no_address(newcomer: Callable[[], Caller]) -> None:
    caller = newcomer()
    body = {"connector": "documents", "name": "Files", "config": {"path": "/srv/files"}}
    made = caller("POST", "/api/v1/connections", json=body).json()
    assert made["intake"] is None
    assert caller("GET", f"/api/v1/connections/{made['id']}/intake").status_code == 404


def test_messages_are_forgotten_after_a_day(feed: Feed) -> None:
    """By the clock that forgets all that has expired; no signature of theirs holds by then."""
    feed.push({"items": [ITEM]})
    feed.push({"items": [ITEM]})
    with feed.database.worker.dispatch() as session:
        mine = select(webhook_message.c.message_hash).where(webhook_message.c.connection_id == feed.id)
        old = session.execute(mine.limit(1)).scalar_one()
        session.execute(
            update(webhook_message)
            .where(webhook_message.c.message_hash == old)
            .values(received_at=func.now() - text("interval '25 hours'"))
        )
        session.execute(select(func.forget_expired()))
    assert feed.messages() == 1


def test_the_application_can_write_events_only_through_a_message(feed: Feed) -> None:
    """Whose event it is follows from the address, whatever the caller says; no other table opens."""
    with feed.database.app.unidentified() as session:
        for table in ("outbox", "webhook_message"):
            granted = select(func.has_table_privilege(table, "SELECT, INSERT"))
            assert session.execute(granted).scalar_one() is False
        assert session.execute(select(func.count()).select_from(webhook_intake)).scalar_one() == 0
