"""The edge of the application, as one pure ASGI layer: ids, time, headers, the access log, the last resort.

One layer and not five: each costs every request, and ``BaseHTTPMiddleware`` would cost more than the rest of
the request.
"""

from __future__ import annotations

import time
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drovi_api.context import assign_request_id, principal_of, route_of
from drovi_api.errors import response_to
from resources.errors import ProviderDown
from resources.telemetry import bound_contextvars, get_logger, metrics

MAX_IN_FLIGHT = 256
"""Requests worked on at once; beyond it they would only queue for a database connection until they time out."""

MAX_BODY_BYTES = 1024 * 1024
"""Requests are questions and settings; files will go to the object store directly."""

_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
"""For a year, this host alone: what else its owner runs under the domain is theirs to say."""

# Nothing here is rendered by a browser but the interactive reference, which says so itself (docs_page).
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_QUIET = frozenset({"/health", "/metrics"})

_log = get_logger("drovi_api.access")


class Edge:
    """Wraps the application; holds nothing but the number of requests in flight."""

    def __init__(self, app: ASGIApp, max_in_flight: int = MAX_IN_FLIGHT, *, secure: bool = False) -> None:
        """``secure``: people come over HTTPS, and are to come no other way."""
        self._app = app
        self._max_in_flight = max_in_flight
        self._headers = (*_HEADERS, _HTTPS_ONLY) if secure else _HEADERS
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, from its first header to its last byte."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = assign_request_id(scope)
        started = time.perf_counter()
        status = 0
        streams = False

        async def send_from_edge(message: Message) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status = message["status"]
                streams = (b"content-type", b"text/event-stream; charset=utf-8") in message["headers"]
                if (
                    streams
                ):  # it is answered with its first byte: from here on it waits, and takes nobody's place
                    self._in_flight -= 1
                    _record(scope, status, time.perf_counter() - started)
                own = any(name == _POLICY[0] for name, _ in message["headers"])
                policy = () if own else (_POLICY,)
                message["headers"] = [
                    *message["headers"], *self._headers, *policy, (b"x-request-id", request_id.encode())
                ]  # fmt: skip
            await send(message)

        self._in_flight += 1
        with bound_contextvars(request_id=request_id):
            try:
                await self._guarded(scope, receive, send_from_edge)
            except Exception as error:
                if status:  # the answer has begun; only the connection can still say that it failed
                    raise
                await response_to(scope, error)(scope, receive, send_from_edge)
            finally:
                if not streams:
                    self._in_flight -= 1
                    _record(scope, status, time.perf_counter() - started)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._in_flight > self._max_in_flight and scope["path"] not in _QUIET:
            raise ProviderDown("The service is busy.", remedy="Try again in a moment.", retry_after=1)
        # The body of a GET is never read, so it needs no bound.
        await self._app(scope, receive if scope["method"] == "GET" else _bounded(receive), send)


def _bounded(receive: Receive) -> Receive:
    """Stops reading a body that grows too large: FastAPI's own limit answers in plain text."""
    size = 0

    async def receive_bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large")
        return message

    return receive_bounded


def _record(scope: Scope, status: int, seconds: float) -> None:
    """Counted by route, never by path: ids would make a time series each. Logged without query or body."""
    route = route_of(scope)
    metrics.request(scope["method"], route, status, seconds)
    if scope["path"] in _QUIET:
        return
    principal = principal_of(scope)
    _log.info(
        "request answered",
        method=scope["method"],
        route=route,
        status=status,
        milliseconds=round(seconds * 1000, 1),
        org_id=principal and str(principal.org_id),
        user_id=principal and str(principal.user_id),
    )
