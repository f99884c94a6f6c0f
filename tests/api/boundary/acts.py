"""What one side has to have in hand before it can ask for something: links out of letters, codes, people, keys.

Each function makes the body or the path of one request that succeeds, anew each time.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from time import time
from typing import Any
from uuid import uuid4

from starlette.testclient import TestClient

from resources.webhooks import headers_of
from tests.api.auth.conftest import Browser
from tests.api.boundary.operations import Fill
from tests.api.boundary.sides import Side

_numbers = itertools.count()


def address(side: Side) -> str:
    """Nobody's yet."""
    return f"new-{next(_numbers)}@{side.word.lower()}.example"


def account(side: Side) -> dict[str, Any]:
    """Of somebody who signed up and has the letter."""
    email = address(side)
    side.browser.http.post("/api/v1/auth/sign-up", json={"email": email}, headers={"cookie": ""})
    return {
        "token": side.letters.token(email),
        "name": "Paul Roux",
        "password": side.password,
        "organisation_name": f"Cabinet {side.word} {next(_numbers)}",
    }


def another_session(side: Side) -> Sequence[Fill]:
    """One of the owner's that is not the browser's."""
    body = {"email": side.browser.email, "password": side.password}
    side.ground.client.post("/api/v1/auth/sign-in", json=body)
    listed = side.browser("GET", "/auth/sessions").json().get("items", [])
    ids = [one["id"] for one in listed if not one["current"]] or [str(uuid4())]
    return [Fill(path={"session_id": ids[0]})]


def reset(side: Side) -> dict[str, Any]:
    """The owner forgot their password."""
    side.browser("POST", "/auth/password/forgotten", json={"email": side.browser.email})
    return {"token": side.letters.token(side.browser.email), "password": side.password}


def ticket(side: Side) -> dict[str, Any]:
    """Half of a sign-in, and the code for the other half."""
    if not side.secret:
        confirmed = side.browser("POST", "/auth/second-factor/confirm", json=first_code(side))
        assert confirmed.status_code == 200, confirmed.text
    body = {"email": side.browser.email, "password": side.password}
    answer = Browser(TestClient(side.ground.app))("POST", "/auth/sign-in", json=body)
    return {"ticket": answer.json()["second_factor_ticket"], "code": side.code()}


def first_code(side: Side) -> dict[str, Any]:
    """The owner's authenticator app has a new secret, and shows this."""
    more = proof(side) if side.secret else {"password": side.password}
    answer = side.browser("POST", "/auth/second-factor/begin", json=more)
    assert answer.status_code == 200, answer.text
    side.secret = answer.json()["secret"]
    return {"code": side.code()}


def proof(side: Side) -> dict[str, Any]:
    """That it is the owner, once more."""
    return {"password": side.password, "code": side.code()}


def new_address(side: Side) -> dict[str, Any]:
    """Where the owner's account moves to; from here on that is theirs."""
    email = address(side)
    body = {"email": email, "password": side.password}
    asked = side.browser("POST", "/auth/email", json=body)
    assert asked.status_code == 202, asked.text
    side.browser.email = email
    return {"token": side.letters.token(email)}


def invited(side: Side) -> tuple[str, str]:
    """An invitation's id and token."""
    email = address(side)
    made = side.by_key("POST", "/invitations", json={"email": email, "role": "MEMBER"})
    return made["id"], side.letters.token(email)


def acceptance(side: Side) -> dict[str, Any]:
    """Of somebody who has no account yet."""
    return {"token": invited(side)[1], "name": "Paul Roux", "password": side.password}


def a_push(side: Side) -> Sequence[Fill]:
    """A message to a feed of its own, signed with what it was given for that."""
    body = {"connector": "feed", "name": f"Feed {side.word} {next(_numbers)}", "config": {}}
    intake = side.by_key("POST", "/connections", json=body)["intake"]
    message = json.dumps({"items": [{"id": "1", "title": side.silent, "text": f"{side.word} {side.silent}"}]})
    headers = headers_of([intake["secret"]], "msg_1", int(time()), message.encode())
    return [Fill(path={"token": intake["url"].rpartition("/")[2]}, body=message, headers=headers)]


def an_invitation(side: Side) -> Sequence[Fill]:
    """One that stands."""
    return [Fill(path={"invitation_id": invited(side)[0]})]


def a_colleague(body: Mapping[str, Any] | None = None) -> Any:
    """Somebody to do something to."""
    return lambda side: [Fill(path={"user_id": str(side.colleague().principal.user_id)}, body=body)]


def leaving(side: Side) -> Sequence[Fill]:
    """A colleague's own request: the last owner cannot leave."""
    return [Fill(headers={"Authorization": f"Bearer {side.colleague().key}"})]


def a_key(side: Side) -> Sequence[Fill]:
    """One that opens something so far."""
    made = side.by_key("POST", "/keys", json={"name": f"Spare {next(_numbers)}", "scopes": ["read"]})
    return [Fill(path={"key_id": made["id"]})]


def its_own_end(side: Side) -> dict[str, Any]:
    """The organisation's name to the letter, once nothing has to be kept."""
    for hold in side.by_key("GET", "/holds", params={"limit": 100})["items"]:
        if hold["released_at"] is None:
            side.by_key("POST", f"/holds/{hold['id']}/release")
    return {"name": side.by_key("GET", "/organisation")["name"]}


def a_sync(side: Side) -> Sequence[Fill]:
    """One that waits."""
    made = side.by_key("POST", f"/connections/{side.files}/sync", headers={"Idempotency-Key": str(uuid4())})
    return [Fill(path={"job_id": made["id"]})]


def a_cancelled_sync(side: Side) -> Sequence[Fill]:
    """One that may be tried again."""
    (fill,) = a_sync(side)
    side.by_key("POST", f"/jobs/{fill.path['job_id']}/cancel")
    return [fill]


def pause(side: Side) -> str:
    """Something of its own happens to a connection; returns what the stream has to say of it."""
    side.by_key("POST", f"/connections/{side.world.private_spare_id}/pause")
    return '"status":"paused"'
