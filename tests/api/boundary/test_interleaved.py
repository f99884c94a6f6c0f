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

from starlette.types import ASGIApp

from drovi_api.dependencies import Reads, feature
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

    try:
        await app(scope, receive, send)
    except RuntimeError:
        assert status == 500, "only a failure that was answered may surface"
    return status, bytes(received)


def _requests(ground: Ground, chance: random.Random) -> list[Asked]:
    made = []
    for number in range(REQUESTS):
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
            Asked(side, "GET", "/api/v1/planted/failing", 500),
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


def test_ten_thousand_interleaved_requests_cross_no_row(ground: Ground) -> None:
    """Every id in every answer is the caller's own, whoever used the connection before and however that ended."""
    router = feature("/planted", "find")

    @router.get("/failing", operation_id="planted_failing")
    def failing(session: Reads) -> Answer:
        raise RuntimeError(f"in the middle of a transaction of {session.principal.role}")

    ground.app.router.routes[:0] = list(router.routes)
    chance = random.Random(3)
    requests = _requests(ground, chance)
    credentials = {id(side): _credentials(side) for side in ground.sides}
    answers: list[tuple[Asked, int, bytes]] = []

    async def work(waiting: list[Asked]) -> None:
        while waiting:
            asked = waiting.pop()
            headers = chance.choice(credentials[id(asked.side)])
            answers.append((asked, *await _ask(ground.app, asked, headers)))

    async def everything() -> None:
        waiting = list(requests)
        await asyncio.gather(*(work(waiting) for _ in range(_AT_ONCE)))

    asyncio.run(everything())

    assert len(answers) == REQUESTS
    own = {id(side): {str(one) for one in side.ids()} for side in ground.sides}
    crossed, wrong = [], []
    for asked, status, body in answers:
        said = {one.decode() for one in _UUID.findall(body)} - {asked.named}
        other = next(side for side in ground.sides if side is not asked.side)
        if not said <= own[id(asked.side)] or other.silent.encode() in body:
            crossed.append((asked, body))
        if status != asked.status:
            wrong.append((asked, status, body))
    assert crossed == []
    assert wrong == []
