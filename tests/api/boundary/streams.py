"""An event stream kept open inside the application's own loop, and what came out of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import anyio
import httpx2 as httpx
from starlette.testclient import TestClient

_PATIENCE = 5.0


class Tap:
    """One open answer. ``close`` hangs up, as a client does that goes away."""

    def __init__(self, client: TestClient, path: str, headers: Mapping[str, str]) -> None:
        assert client.portal is not None, "the application is not being served"
        self._client = client
        self._received = bytearray()
        self._begun = threading.Event()
        self._asked = False
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._hung_up = client.portal.call(anyio.Event)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path.partition("?")[0],
            "raw_path": path.partition("?")[0].encode(),
            "query_string": path.partition("?")[2].encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("testclient", 50000),
            "server": ("testserver", 80),
            "state": {},
        }
        self._running = client.portal.start_task_soon(client.app, scope, self._receive, self._send)
        if not self._begun.wait(_PATIENCE):
            raise AssertionError(f"{path} did not begin to answer within {_PATIENCE} s")

    def wait_for(self, needle: str, seconds: float) -> bool:
        """Whether the stream says this within the time."""
        until = time.monotonic() + seconds
        while needle not in self.text and time.monotonic() < until:
            time.sleep(0.02)
        return needle in self.text

    @property
    def text(self) -> str:
        """What came so far."""
        return bytes(self._received).decode(errors="replace")

    def close(self) -> str:
        """Hang up; returns all that came."""
        assert self._client.portal is not None
        self._client.portal.call(self._hung_up.set)
        self._running.result(_PATIENCE)
        return self.text

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Hang up once something came; returns what came as an answer to the request."""
        if self._status == 200:
            self.wait_for("\n", _PATIENCE)
        said = self.close().encode()
        response = httpx.Response(self._status, headers=self._headers, content=said, request=request)
        response.elapsed = timedelta()  # there is no clock on it: it ends when we hang up
        return response

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._hung_up.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message["headers"]
            self._begun.set()
        self._received += message.get("body", b"")
