"""Routes of streams: opened by a credential like any other, in one transaction, and then served by the hub.

The counterpart of ``dependencies.Route`` for answers that do not end. An endpoint asks for ``Reads`` and returns the
:class:`Backlog` that a client begins with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from drovi_api.context import origin_of, remember_principal
from drovi_api.dependencies import (
    API_PREFIX,
    Handler,
    ReadSession,
    as_endpoint,
    credential_of,
    described,
    require,
    runtime_of,
    transaction_parameter,
    with_credential,
)
from drovi_api.errors import problem_responses
from drovi_api.streams import Backlog, Client, Hub
from resources.identity import activity
from resources.permissions import Permission

HEARTBEAT_SECONDS = 15.0
"""Often enough for proxies that close what is silent for a minute, and for us to notice who is gone."""
_RETRY = b"retry: 2000\n\n"
_HEARTBEAT = b":\n\n"


class EventStream(Response):
    """The answer itself: the backlog, then what the hub gives out, until either side ends it."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, client: Client, backlog: Backlog) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._client = client
        self._backlog = backlog

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Joins the hub before the first byte: a refusal is still an ordinary answer."""
        del scope
        self._hub.join(self._client)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            tasks = [asyncio.ensure_future(self._send_all(send)), asyncio.ensure_future(_gone(receive))]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._hub.leave(self._client)

    async def _send_all(self, send: Send) -> None:
        async def put(body: bytes, *, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": body, "more_body": more})

        await put(_RETRY)
        for event in self._backlog.events:
            if self._client.may_read(event):
                await put(event.frame)
        while not self._client.over:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    event_or_end = await self._client.waiting.get()
            except TimeoutError:
                await put(_HEARTBEAT)
                continue
            # It may have waited: whether it may be read is asked again with the last look.
            if event_or_end is not None and self._client.may_read(event_or_end):
                await put(event_or_end.frame)
        await put(b"", more=False)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class StreamRoute(APIRoute):
    """An operation that answers with a stream."""

    def __init__(self, path: str, endpoint: Callable[..., Backlog], **kwargs: Any) -> None:
        session_name, _ = transaction_parameter(endpoint, ReadSession)
        kwargs |= {
            "response_model": None,
            "status_code": 200,
            "response_class": EventStream,
            "openapi_extra": described(Permission.READ),
        }
        super().__init__(path, _opened(endpoint, session_name), **kwargs)

    def get_route_handler(self) -> Handler:
        """FastAPI's handler, reached only by requests that show a credential."""
        return with_credential(super().get_route_handler())


def stream(prefix: str, tag: str, shape: type[BaseModel]) -> APIRouter:
    """The router of one stream, whose events hold ``shape`` as JSON."""
    answer: dict[int | str, dict[str, Any]] = {
        200: {"model": shape, "description": "Events, each with this as its data. It does not end."}
    }
    return APIRouter(
        prefix=API_PREFIX + prefix,
        tags=[tag],
        route_class=StreamRoute,
        responses=answer | problem_responses(401, 403, 422, 429, 500, 503),
    )


def _opened(endpoint: Callable[..., Backlog], session_name: str) -> Callable[..., Response]:
    """The endpoint as FastAPI calls it: its session parameter replaced by the request it comes from."""

    def run(request: Request, **values: Any) -> Response:
        runtime, credential = runtime_of(request), credential_of(request)
        with runtime.database.authenticated(credential.hash, credential.kind) as (connection, principal):
            remember_principal(request.scope, principal)
            require(principal, Permission.READ)
            session = ReadSession(connection, principal, origin_of(request.scope))
            backlog = endpoint(**values, **{session_name: session})
        activity.note(runtime.identity, principal)
        client = Client(credential, principal, backlog.position)
        return EventStream(request.app.state.streams, client, backlog)

    return as_endpoint(run, endpoint, session_name)
