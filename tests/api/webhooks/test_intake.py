"""What is pushed to a source: kept once and before it is answered; whatever is not signed as it should be, never."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest
from sqlalchemy import delete, func, select, text, update

from drovi_api.app import create_app
from drovi_api.runtime import ApiRuntime
from resources.events.envelope import ItemsPushed, PushedItem, body_of, opened
from resources.schema import (
    connection,
    organisation,
    outbox,
    rate_limit,
    skipped_item,
    webhook_intake,
    webhook_message,
)
from resources.webhooks import headers_of, new_secret
from tests.api.conftest import Caller
from tests.api.live import served
from tests.conftest import REPOSITORY, Database

ITEM = {"id": "note-1", "title": "Call with the notary", "text": "The deed is signed on Friday."}
MESSAGES = int(os.environ.get("DROVI_TEST_WEBHOOK_MESSAGES", "20"))
"""How many messages are sent ten times at once; the whole proof is a thousand."""

_numbers = itertools.count()


@dataclass(frozen=True)
class Feed:
    """A source of the owner's that is pushed to, and a look at what became of it."""

    http: httpx.Client
    database: Database
    org_id: UUID
    id: UUID
    path: str
    secret: str

    def push(self, body: Any, **changes: Any) -> httpx.Response:
        """Send a message, signed as its sender would, but for ``changes``."""
        content, headers = self.signed(body, **changes)
        return self.send(content, headers)

    def signed(
        self, body: Any, *, secret: str = "", message_id: str = "", at: float | None = None
    ) -> tuple[bytes, dict[str, str]]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        moment = int(time.time() if at is None else at)
        message_id = message_id or f"msg_{next(_numbers)}"
        return content, headers_of([secret or self.secret], message_id, moment, content)

    def send(self, content: bytes, headers: dict[str, str], path: str = "") -> httpx.Response:
        return self.http.post(path or self.path, content=content, headers=headers)

    def events(self) -> list[ItemsPushed]:
        """What is on its way to the log."""
        with self.database.worker.dispatch() as session:
            query = select(outbox).where(outbox.c.key == str(self.id)).order_by(outbox.c.id)
            rows = session.execute(query).all()
        assert {row.org_id for row in rows} <= {self.org_id}
        envelopes = [opened(row.payload) for row in rows]
        assert {one.org_id for one in envelopes} <= {self.org_id}
        return [body_of(one) for one in envelopes]

    def messages(self) -> int:
        with self.database.worker.dispatch() as session:
            mine = webhook_message.c.connection_id == self.id
            return session.execute(select(func.count()).select_from(webhook_message).where(mine)).scalar_one()

    def skipped(self) -> dict[str, str]:
        with self.database.worker.organisation(self.org_id) as session:
            query = select(skipped_item.c.provider_id, skipped_item.c.reason)
            rows = session.execute(query.where(skipped_item.c.connection_id == self.id))
            return {row.provider_id: row.reason for row in rows}


@pytest.fixture
def feed(newcomer: Callable[[], Caller], api_database: Database) -> Feed:
    return _feed(newcomer(), api_database)


def _feed(caller: Caller, database: Database, **more: Any) -> Feed:
    body = {"connector": "feed", "name": f"Practice software {next(_numbers)}", "config": {}, **more}
    made = caller("POST", "/api/v1/connections", json=body)
    assert made.status_code == 201, made.text
    intake = made.json()["intake"]
    path = "/webhooks/v1/" + intake["url"].rpartition("/")[2]
    assert intake["url"] == f"http://127.0.0.1:8000{path}"
    org_id = caller.tenant.principal.org_id
    return Feed(caller.http, database, org_id, UUID(made.json()["id"]), path, intake["secret"])


@pytest.fixture(autouse=True)
def _nobody_tried_before(api_database: Database) -> None:
    """All requests of the tests come from one address."""
    with api_database.identity.transaction() as session:
        session.execute(delete(rate_limit))


def _plain(response: httpx.Response) -> tuple[int, dict[str, Any]]:
    return response.status_code, {k: v for k, v in response.json().items() if k != "request_id"}


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


def _forgeries(feed: Feed) -> dict[str, tuple[bytes, dict[str, str], str]]:
    content, headers = feed.signed({"items": [ITEM]})
    moment = int(headers["webhook-timestamp"])
    old, new = (
        feed.signed({"items": [ITEM]}, at=moment - 302),
        feed.signed({"items": [ITEM]}, at=moment + 310),
    )
    flipped = bytearray(content)
    flipped[len(flipped) // 2] ^= 1
    signature = headers["webhook-signature"]
    bent = signature[:-3] + ("A" if signature[-3] != "A" else "B") + signature[-2:]
    forged = {
        "another secret": (*feed.signed({"items": [ITEM]}, secret=new_secret()), ""),
        "a bit of the body": (bytes(flipped), headers, ""),
        "a byte more": (content + b" ", headers, ""),
        "a bit of the signature": (content, headers | {"webhook-signature": bent}, ""),
        "no base64": (content, headers | {"webhook-signature": "v1,%%%%"}, ""),
        "another scheme": (content, headers | {"webhook-signature": signature.replace("v1,", "v1a,")}, ""),
        "an empty signature": (content, headers | {"webhook-signature": ""}, ""),
        "another id": (content, headers | {"webhook-id": "msg_other"}, ""),
        "another time": (content, headers | {"webhook-timestamp": str(moment + 1)}, ""),
        "a time that is none": (content, headers | {"webhook-timestamp": "now"}, ""),
        "an old time": (*old, ""),
        "a time to come": (*new, ""),
        "a dot in the id": (*feed.signed({"items": [ITEM]}, message_id="msg.1"), ""),
        "an address that there is not": (content, headers, "/webhooks/v1/nobody"),
    }
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        forged[f"no {name}"] = (content, {k: v for k, v in headers.items() if k != name}, "")
    return forged


def test_whatever_is_not_signed_as_it_should_be_is_refused_alike(
    feed: Feed, other: Caller, api_database: Database
) -> None:
    """Forged, bent, old, bare, sent elsewhere: as an address that there is not, to the letter; and nothing is kept."""
    theirs = _feed(other, api_database)
    answers = {
        name: _plain(feed.send(content, headers, path))
        for name, (content, headers, path) in _forgeries(feed).items()
    }
    content, headers = feed.signed({"items": [ITEM]})
    answers["another tenant's address"] = _plain(feed.send(content, headers, theirs.path))
    unknown = answers["an address that there is not"]
    assert unknown[0] == 401
    assert {name: answer for name, answer in answers.items() if answer != unknown} == {}
    assert feed.events() == theirs.events() == []
    assert feed.messages() == theirs.messages() == 0
    assert feed.push({"items": [ITEM]}).status_code == 202


def test_every_flipped_bit_of_the_signature_is_refused(feed: Feed) -> None:
    content, headers = feed.signed({"items": [ITEM]})
    signature = headers["webhook-signature"]
    for place in range(3, len(signature) - 3, 7):
        other = "A" if signature[place] != "A" else "B"
        bent = signature[:place] + other + signature[place + 1 :]
        assert feed.send(content, headers | {"webhook-signature": bent}).status_code == 401
    assert feed.events() == []


@pytest.mark.parametrize(
    "end",
    [
        update(connection).values(status="erasing"),
        update(organisation).values(status="suspended"),
        update(organisation).values(status="erasing"),
    ],
    ids=["its source is being erased", "its organisation is suspended", "its organisation is being erased"],
)
def test_an_address_that_was_closed_is_as_one_that_never_was(feed: Feed, end: Any) -> None:
    table = end.table
    with feed.database.worker.organisation(feed.org_id) as session:
        session.execute(end.where(table.c.id == (feed.id if table is connection else feed.org_id)))
    unknown = feed.send(*feed.signed({"items": [ITEM]}), "/webhooks/v1/nobody")
    assert _plain(feed.push({"items": [ITEM]})) == _plain(unknown)
    assert feed.events() == []


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
            assert {answer.status_code for answer in answers} == {202}
            assert sorted(answer.json()["repeated"] for answer in answers) == [False] + [True] * 9
    assert feed.send(*message).json()["repeated"] is True
    events = [event.items[0].provider_id for event in feed.events()]
    assert sorted(events) == sorted(f"note-{number}" for number in range(MESSAGES))
    assert feed.messages() - before == MESSAGES


def test_an_id_is_its_senders_own(feed: Feed, other: Caller, api_database: Database) -> None:
    """Another source may use the same."""
    theirs = _feed(other, api_database)
    assert feed.push({"items": [ITEM]}, message_id="msg_same").json()["repeated"] is False
    assert theirs.push({"items": [ITEM]}, message_id="msg_same").json()["repeated"] is False


def test_the_example_of_the_guide_works(
    newcomer: Callable[[], Caller], api_database: Database, runtime: ApiRuntime
) -> None:
    """As it stands there, with the address and the secret that were made."""
    guide = (REPOSITORY / "docs" / "guides" / "connectors.md").read_text(encoding="utf-8")
    script = guide[guide.index("    URL=https") : guide.index("| field of an item")]
    feed = _feed(newcomer(), api_database)
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
        made = _feed(newcomer(), api_database)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            feed = replace(made, http=http)
            for _ in range(5):
                assert feed.push({"items": [ITEM]}, secret=new_secret()).status_code == 401
            assert [feed.push({"items": [ITEM]}).status_code for _ in range(3)] == [202] * 3
            refused = feed.push({"items": [ITEM]})
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["retry-after"]) >= 1
    assert len(feed.events()) == 3


def test_who_guesses_is_stopped(feed: Feed) -> None:
    """By the address they come from; who signs well from the same address goes on."""
    answers = [feed.push({"items": [ITEM]}, secret=new_secret()).status_code for _ in range(150)]
    assert set(answers) == {401, 429}
    assert answers.count(401) < 130
    assert feed.push({"items": [ITEM]}).status_code == 202


def test_a_secret_is_replaced_with_the_one_before_holding_for_a_while(
    newcomer: Callable[[], Caller], api_database: Database
) -> None:
    caller = newcomer()
    feed = _feed(caller, api_database)
    path = f"/api/v1/connections/{feed.id}/intake"
    made = caller("POST", f"{path}/secret", json={"overlap_hours": 1})
    assert made.status_code == 201
    assert made.json()["url"].endswith(feed.path)
    second = made.json()["secret"]
    assert second != feed.secret
    assert feed.push({"items": [ITEM]}).status_code == 202
    assert feed.push({"items": [ITEM]}, secret=second).status_code == 202
    third = caller("POST", f"{path}/secret", json={"overlap_hours": 0}).json()["secret"]
    for secret in (feed.secret, second):
        assert feed.push({"items": [ITEM]}, secret=secret).status_code == 401
    assert feed.push({"items": [ITEM]}, secret=third).status_code == 202
    shown = caller("GET", path)
    assert (shown.json()["received"], shown.json()["last_items"], shown.json()["last_skipped"]) == (3, 1, 0)
    for secret in (feed.secret, second, third, feed.path.rpartition("/")[2]):
        assert secret not in shown.text


def test_only_its_owner_replaces_a_secret(owner: Caller, member: Caller, api_database: Database) -> None:
    feed = _feed(owner, api_database, name="Owner's feed")
    path = f"/api/v1/connections/{feed.id}/intake"
    assert member("GET", path).status_code == 200
    assert member("POST", f"{path}/secret", json={}).status_code == 403


def test_a_source_that_is_read_has_no_address(newcomer: Callable[[], Caller]) -> None:
    caller = newcomer()
    body = {"connector": "documents", "name": "Files", "config": {"path": "/srv/files"}}
    made = caller("POST", "/api/v1/connections", json=body).json()
    assert made["intake"] is None
    assert caller("GET", f"/api/v1/connections/{made['id']}/intake").status_code == 404


def test_neither_address_nor_secret_is_kept_in_the_clear(feed: Feed) -> None:
    """A dump of the table opens nothing."""
    with feed.database.worker.organisation(feed.org_id) as session:
        query = select(text("webhook_intake::text")).select_from(webhook_intake)
        (row,) = session.execute(query.where(webhook_intake.c.connection_id == feed.id)).scalars()
    token = feed.path.rpartition("/")[2]
    for secret in (token, feed.secret, token.encode().hex(), feed.secret.encode().hex()):
        assert secret not in row


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
