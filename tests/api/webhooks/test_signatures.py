"""Whatever is not signed as it should be is refused, all of it alike; secrets are replaced, and kept sealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text, update

from resources.schema import (
    connection,
    organisation,
    webhook_intake,
)
from resources.webhooks import new_secret
from tests.api.conftest import Caller
from tests.api.webhooks.conftest import ITEM, Feed, make_feed, plain
from tests.conftest import Database


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
    feed: Feed, newcomer: Callable[[], Caller], api_database: Database
) -> None:
    """Forged, bent, old, bare, sent elsewhere: as an address that there is not, to the letter; and nothing is kept."""
    theirs = make_feed(newcomer(), api_database)
    answers = {
        name: plain(feed.send(content, headers, path))
        for name, (content, headers, path) in _forgeries(feed).items()
    }
    content, headers = feed.signed({"items": [ITEM]})
    answers["another tenant's address"] = plain(feed.send(content, headers, theirs.path))
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
    assert plain(feed.push({"items": [ITEM]})) == plain(unknown)
    assert feed.events() == []


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
    feed = make_feed(caller, api_database)
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
    feed = make_feed(owner, api_database, name="Owner's feed")
    path = f"/api/v1/connections/{feed.id}/intake"
    assert member("GET", path).status_code == 200
    assert member("POST", f"{path}/secret", json={}).status_code == 403


def test_neither_address_nor_secret_is_kept_in_the_clear(feed: Feed) -> None:
    """A dump of the table opens nothing."""
    with feed.database.worker.organisation(feed.org_id) as session:
        query = select(text("webhook_intake::text")).select_from(webhook_intake)
        (row,) = session.execute(query.where(webhook_intake.c.connection_id == feed.id)).scalars()
    token = feed.path.rpartition("/")[2]
    for secret in (token, feed.secret, token.encode().hex(), feed.secret.encode().hex()):
        assert secret not in row
