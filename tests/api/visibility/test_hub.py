"""One client of a stream, and the hub that serves it, without a server or a database."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from drovi_api import streams
from drovi_api.authentication import Shown
from drovi_api.middleware import Edge
from drovi_api.streams import QUEUE, Client, Event, Feed, Hub
from resources.errors import RateLimited
from resources.tenancy import CredentialKind, Principal, Role

MINE, THEIRS = uuid4(), uuid4()
ORG = uuid4()


def _client(*audiences: UUID) -> Client:
    principal = Principal(ORG, uuid4(), Role.MEMBER, audiences or (MINE,))
    return Client(Shown(CredentialKind.API_KEY, b"hash"), principal, position=10)


def _waiting(client: Client) -> list[int | None]:
    found = []
    while not client.waiting.empty():
        event = client.waiting.get_nowait()
        found.append(event and event.id)
    return found


def test_a_client_gets_what_is_new_and_theirs() -> None:
    """In order, each once, and goes on after what is not theirs."""
    client = _client()
    events = [Event(9, MINE, b""), Event(11, MINE, b""), Event(12, THEIRS, b""), Event(13, MINE, b"")]
    client.give(events)
    client.give(events)
    assert _waiting(client) == [11, 13]
    assert client.position == 13


def test_what_waits_is_not_sent_once_it_may_not_be_read() -> None:
    client = _client(MINE, THEIRS)
    event = Event(11, THEIRS, b"")
    assert client.may_read(event)
    client.principal = _client(MINE).principal
    assert not client.may_read(event)


def test_a_client_that_ends_is_sent_nothing_more() -> None:
    client = _client()
    client.give([Event(number, MINE, b"") for number in range(11, 15)])
    client.end()
    client.give([Event(20, MINE, b"")])
    assert _waiting(client) == [None]


def test_a_client_that_does_not_read_is_let_go() -> None:
    """Its queue is bounded; it comes back for the rest with the last number it saw."""
    client = _client()
    client.give([Event(number, MINE, b"") for number in range(11, 11 + QUEUE + 1)])
    assert client.over
    assert _waiting(client) == [None]


class BrokenDatabase:
    """Has a defect."""

    async def notifications(self, channel: str) -> Any:
        await asyncio.sleep(60)
        yield channel

    def watching(self, shown: object) -> Any:
        raise KeyError(shown)


def test_streams_that_cannot_be_checked_end() -> None:
    """A defect closes them: nobody goes on reading as who they were."""

    async def run() -> Client:
        hub = Hub(cast("Any", BrokenDatabase()), Feed("none", lambda *_: []))
        client = _client()
        hub.join(client)
        await asyncio.wait_for(client.waiting.get(), 5)
        hub.leave(client)
        await hub.close()
        return client

    assert asyncio.run(run()).over


def test_there_is_an_end_to_how_many_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_CLIENTS", 1)

    async def run() -> None:
        hub = Hub(cast("Any", BrokenDatabase()), Feed("none", lambda *_: []))
        client = _client()
        hub.join(client)
        with pytest.raises(RateLimited):
            hub.join(_client())
        hub.leave(client)
        hub.join(client)
        await hub.close()

    asyncio.run(run())


def test_an_open_stream_takes_nobodys_place() -> None:
    """A service that answers one request at a time answers others while a stream is open."""
    opened, done = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        kind = b"text/event-stream; charset=utf-8" if scope["path"] == "/stream" else b"text/plain"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        if scope["path"] == "/stream":
            opened.set()
            await done.wait()
        await send({"type": "http.response.body", "body": b""})

    async def run() -> int:
        edge = Edge(app, max_in_flight=1)
        statuses: list[int] = []

        async def send(message: Any) -> None:
            statuses.append(message.get("status", 0))

        def request(path: str) -> Any:
            scope = {
                "type": "http",
                "method": "GET",
                "path": path,
                "headers": [],
                "route": SimpleNamespace(path=path),
            }
            return edge(scope, cast("Any", None), send)

        streaming = asyncio.create_task(request("/stream"))
        await opened.wait()
        await request("/other")
        await request("/other")
        done.set()
        await streaming
        assert edge._in_flight == 0
        return max(statuses)

    assert asyncio.run(run()) == 200
