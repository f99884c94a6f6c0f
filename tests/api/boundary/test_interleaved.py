"""Many requests of two tenants at once on one pool of connections: no row crosses over."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from starlette.types import ASGIApp

from drovi_api.dependencies import Reads, feature
from resources.errors import Conflict
from tests.api.boundary.leaks import Answer
from tests.api.boundary.sides import SHARED_WORDS, Ground, Side

REQUESTS = 10_000
_AT_ONCE = 48
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and what must come of it."""

    side: Side
    method: str
    path: str
    status: int = 200
    body: Any = None
    named: str = ""
    """An id that nobody has, which the answer may repeat."""


async def _ask(app: ASGIApp, asked: Asked, headers: Sequence[tuple[bytes, bytes]]) -> tuple[int, bytes]:
    """Straight through the application: the endpoint runs on a thread, beside others."""
    body = json.dumps(asked.body).encode() if asked.body is not None else b""
    path, _, query = asked.path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [*headers, (b"content-type", b"application/json"), (b"host", b"testserver")],
        "client": ("127.0.0.1", 50000),
        "server": ("testserver", 80),
    }
    status, received = 0, bytearray()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        received.extend(message.get("body", b""))

    await app(scope, receive, send)
    return status, bytes(received)


def _requests(ground: Ground, chance: random.Random, count: int) -> list[Asked]:
    made = []
    for number in range(count):
        side = ground.sides[number % 2]
        one, nobody = side.world.shared, str(uuid4())
        choices = (
            Asked(side, "GET", "/api/v1/auth/me"),
            Asked(side, "GET", "/api/v1/connections"),
            Asked(side, "GET", f"/api/v1/connections/{one.connection_id}"),
            Asked(side, "GET", "/api/v1/items?limit=3"),
            Asked(side, "GET", "/api/v1/objects?limit=3"),
            Asked(side, "GET", f"/api/v1/documents/{one.document_id}/blocks"),
            Asked(side, "GET", f"/api/v1/evidence/{one.evidence_id}"),
            Asked(side, "GET", "/api/v1/jobs"),
            Asked(side, "POST", "/api/v1/find", body={"query": SHARED_WORDS, "limit": 3}),
            Asked(side, "POST", f"/api/v1/connections/{one.connection_id}/sync", 202),
            Asked(side, "GET", f"/api/v1/items/{nobody}", 404, named=nobody),
            Asked(side, "GET", "/api/v1/items?cursor=x", 422),
            Asked(side, "GET", "/api/v1/planted/failing", 409),
        )
        weights = (10, 10, 10, 10, 8, 8, 8, 8, 6, 2, 4, 4, 1)
        made += chance.choices(choices, weights)
    return made


def _credentials(side: Side) -> tuple[list[tuple[bytes, bytes]], ...]:
    """By key and by session: they authenticate through different functions."""
    cookie = f"drovi_session={side.browser.http.cookies['drovi_session']}"
    return (
        [(b"authorization", f"Bearer {side.tenant.key}".encode())],
        [(b"cookie", cookie.encode()), (b"x-csrf-token", side.browser.csrf.encode())],
    )


def _asked(ground: Ground, count: int) -> list[tuple[Asked, int, bytes]]:
    """Every request and its answer."""
    router = feature("/planted", "find")

    @router.get("/failing", operation_id="planted_failing")
    def failing(session: Reads) -> Answer:
        raise Conflict(f"In the middle of a transaction of {session.principal.role}.")

    ground.app.router.routes[:0] = list(router.routes)
    chance = random.Random(3)
    waiting = _requests(ground, chance, count)
    credentials = {id(side): _credentials(side) for side in ground.sides}
    answers: list[tuple[Asked, int, bytes]] = []

    async def work() -> None:
        while waiting:
            asked = waiting.pop()
            headers = chance.choice(credentials[id(asked.side)])
            answers.append((asked, *await _ask(ground.app, asked, headers)))

    async def everything() -> None:
        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))

    asyncio.run(everything())
    assert len(answers) == count
    return answers


def _crossed(ground: Ground, answers: list[tuple[Asked, int, bytes]]) -> list[tuple[Asked, bytes]]:
    """Answers that say more than is their caller's."""
    own = {id(side): {str(one) for one in side.ids()} for side in ground.sides}
    crossed = []
    for asked, _, body in answers:
        said = {one.decode() for one in _UUID.findall(body)} - {asked.named}
        other = next(side for side in ground.sides if side is not asked.side)
        if not said <= own[id(asked.side)] or other.silent.encode() in body:
            crossed.append((asked, body))
    return crossed


# A terminal's own rendering of the log costs more than the requests: it goes elsewhere.
@pytest.mark.usefixtures("json_log")
def test_ten_thousand_interleaved_requests_cross_no_row(ground: Ground) -> None:
    """Every id in every answer is the caller's own, whoever used the connection before and however that ended."""
    answers = _asked(ground, REQUESTS)
    assert _crossed(ground, answers) == []
    assert [(asked, status) for asked, status, _ in answers if status != asked.status] == []


@pytest.mark.usefixtures("json_log")
def test_rows_that_cross_are_noticed(ground: Ground) -> None:
    """With a policy that forgot its organisation, the same requests do cross."""
    ground.execute("ALTER POLICY connection_app ON connection USING (true)")
    assert _crossed(ground, _asked(ground, 200))
