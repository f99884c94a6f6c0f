"""The HTTP client against a server that fails as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from resources.errors import DroviError, NotConfigured, ProviderDown, RateLimited, TimedOut
from resources.http import Answer, Budget, HttpClient

Reply = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    """Gives its replies in turn, the last one for good."""

    daemon_threads = True

    def __init__(self, *, listening: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), Handler, bind_and_activate=listening)
        self.replies: list[Reply] = []
        self.seen: list[str] = []
        self.drip = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/thing"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append(self.command)
        if length := int(self.headers.get("Content-Length", 0)):
            self.rfile.read(length)
        replies = self.server.replies
        status, headers, body = replies.pop(0) if len(replies) > 1 else replies[0]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for byte in [bytes([one]) for one in body] if self.server.drip else [body]:
            time.sleep(self.server.drip)
            self.wfile.write(byte)
            self.wfile.flush()

    do_POST = do_GET  # noqa: N815 - the library's name

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            return  # who asked has given up

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with closing(HttpClient(Budget(seconds=2.0, step_seconds=1.0, max_bytes=1000))) as client:
        yield client


def get(client: HttpClient, server: Server) -> Answer:
    return client.get(server.url)


def post(client: HttpClient, server: Server) -> Answer:
    return client.post_form(server.url, {"code": "once"})


def test_what_is_read_is_asked_for_again(client: HttpClient, server: Server) -> None:
    server.replies = [(503, {}, b""), (429, {"Retry-After": "0"}, b""), (200, {}, b'{"a": 1}')]
    assert get(client, server).json() == {"a": 1}
    assert len(server.seen) == 3


def test_after_three_attempts_it_is_down(client: HttpClient, server: Server) -> None:
    server.replies = [(502, {}, b"")]
    with pytest.raises(ProviderDown):
        get(client, server)
    assert len(server.seen) == 3


def test_what_the_server_may_have_done_is_not_done_twice(client: HttpClient, server: Server) -> None:
    server.replies = [(503, {}, b""), (200, {}, b"{}")]
    with pytest.raises(ProviderDown):
        post(client, server)
    assert server.seen == ["POST"]


def test_what_never_arrived_is_sent_again(client: HttpClient) -> None:
    """The connection was refused, and the server comes up meanwhile."""
    server = Server(listening=False)
    server.replies = [(200, {}, b"{}")]
    server.server_bind()
    rising = threading.Timer(0.05, lambda: (server.server_activate(), server.handle_request()))
    rising.start()
    assert post(client, server).status == 200
    rising.join()
    server.server_close()


@pytest.mark.parametrize("call", [get, post])
def test_a_wait_longer_than_the_budget_is_the_callers_to_make(
    client: HttpClient, server: Server, call: Callable[[HttpClient, Server], Answer]
) -> None:
    """At once, with the server's own word."""
    server.replies = [(429, {"Retry-After": "120"}, b"")]
    started = time.monotonic()
    with pytest.raises(RateLimited) as refused:
        call(client, server)
    assert refused.value.retry_after == 120
    assert len(server.seen) == 1
    assert time.monotonic() - started < 2


def test_a_body_that_drips_is_given_up_within_the_budget(client: HttpClient, server: Server) -> None:
    server.replies, server.drip = [(200, {}, b"x" * 500)], 0.1
    started = time.monotonic()
    with pytest.raises(TimedOut):
        get(client, server)
    assert 1.5 < time.monotonic() - started < 8


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((200, {}, b"x" * 2000), ProviderDown),
        ((200, {"Content-Length": "100"}, b"half a page"), DroviError),
        ((200, {}, b"[1]"), ProviderDown),
        ((200, {}, b"<html>"), ProviderDown),
    ],
    ids=["too large", "cut off", "no object", "no JSON"],
)
def test_what_cannot_be_used_is_an_error(
    client: HttpClient, server: Server, reply: Reply, error: type[DroviError]
) -> None:
    server.replies = [reply]
    with pytest.raises(error):
        get(client, server).json()


def test_a_redirect_is_an_answer_and_not_followed(client: HttpClient, server: Server) -> None:
    """It would lead a credential elsewhere."""
    server.replies = [(302, {"Location": "http://127.0.0.1:1/"}, b"")]
    assert get(client, server).status == 302


@pytest.mark.parametrize("url", ["ftp://host/", "not an address", "http://"])
def test_an_address_that_is_none_needs_a_person(client: HttpClient, url: str) -> None:
    with pytest.raises((NotConfigured, ProviderDown)):
        client.get(url)
