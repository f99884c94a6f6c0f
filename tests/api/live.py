"""The application on a real server, and clients that hold streams of it open."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import ASGIApp

SOON = 3.0
"""Seconds in which what is to come must have come, on a machine that does other things too."""


@contextmanager
def served(app: ASGIApp) -> Iterator[int]:
    """Serve on loopback in a thread; yields the port."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="none", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(timeout=10)


@dataclass
class Watcher:
    """One client of the stream: what it was answered, and every event, as they come."""

    port: int
    headers: dict[str, str]
    path: str = "/api/v1/connections/events"
    status: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    text: str = ""
    ended: threading.Event = field(default_factory=threading.Event)
    _socket: socket.socket | None = None

    def __post_init__(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", self.path, headers=self.headers)
        self._socket = connection.sock
        response = connection.getresponse()
        self.status = response.status
        self._thread = threading.Thread(target=self._read, args=(response,), daemon=True)
        self._thread.start()

    @property
    def ids(self) -> list[int]:
        return [event["number"] for event in self.events]

    def of(self, connection_id: Any) -> list[dict[str, Any]]:
        """What was told of a connection."""
        return [event for event in self.events if event["id"] == str(connection_id)]

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            with suppress(OSError):  # the server hung up first
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=10)
        if self._socket is not None:
            self._socket.close()

    def _read(self, response: http.client.HTTPResponse) -> None:
        number = 0
        try:
            while line := response.readline().decode():
                self.text += line
                name, _, value = line.strip().partition(": ")
                if name == "id":
                    number = int(value)
                elif name == "data":
                    self.events.append(json.loads(value) | {"number": number})
        except (OSError, http.client.HTTPException, ValueError):
            pass  # cut off: what was read stands
        finally:
            response.close()
            self.ended.set()


def eventually(condition: Callable[[], Any], seconds: float = SOON) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())
