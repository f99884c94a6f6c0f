"""Operations before an organisation is known: they run as the identity role, which sees people and no content.

The counterpart of :mod:`drovi_api.dependencies`. An endpoint asks for ``Visits`` (anybody may call) or ``Persons``
(only who is signed in, in whatever organisation). One request is one transaction here too; what has to outlive a
refusal, such as a counted attempt, is a transaction of its own in the service.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, get_type_hints

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.responses import Response

from drovi_api import authentication
from drovi_api.context import Origin, origin_of
from drovi_api.dependencies import API_PREFIX, Endpoint, as_endpoint, runtime_of, transaction_parameter
from drovi_api.errors import problem_responses
from drovi_api.runtime import ApiRuntime
from resources.errors import Unauthenticated
from resources.identity import sessions


@dataclass(slots=True)
class Visit:
    """The request's transaction, and the cookies its answer sets."""

    connection: Connection
    runtime: ApiRuntime
    origin: Origin
    token: str
    """The session's token that the browser showed; empty where it showed none."""
    cookies: list[str] = field(default_factory=list)

    @property
    def device(self) -> sessions.Device:
        """Where the request came from."""
        return sessions.Device(self.origin.address, self.origin.user_agent)

    def hand_over(self, started: sessions.Started) -> None:
        """Give the browser a session."""
        self.cookies.append(authentication.session_cookie(self.runtime, started.token, started.expires_at))

    def take_back(self) -> None:
        """Take the browser's session cookie away."""
        self.cookies.append(authentication.ended_cookie(self.runtime))


@dataclass(slots=True)
class PersonVisit(Visit):
    """A visit of somebody who is signed in."""

    session: sessions.Session = field(kw_only=True)


Visits = Annotated[Visit, "the request's transaction"]
Persons = Annotated[PersonVisit, "the request's transaction"]


class Answers(Enum):
    """Which answers of an operation would tell by their time whether an account exists."""

    NONE = "none"
    REFUSALS = "refusals"
    ALL = "all"


_EVEN = "drovi_even"


def even(answers: Answers) -> Callable[[Endpoint], Endpoint]:
    """Have these answers leave no earlier than ``ApiRuntime.even_seconds`` after the request came.

    How much there was to do for an account, from a row to look up to the audit logs of all its organisations, stays
    inside. Stands between the router's decorator and the function.
    """

    def name(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _EVEN, answers)
        return endpoint

    return name


def even_of(endpoint: Callable[..., BaseModel]) -> Answers:
    """Which answers ``even`` was said of."""
    answers: Answers = getattr(endpoint, _EVEN, Answers.NONE)
    return answers


async def hold(runtime: ApiRuntime, started: float, held: Answers, least: Answers) -> None:
    """Wait with an answer of the kind ``least``, where such are ``held``: without a thread or a connection."""
    if held in {least, Answers.ALL}:
        await asyncio.sleep(max(0.0, started + runtime.even_seconds - time.monotonic()))


class EntranceRoute(APIRoute):
    """An operation of the identity role."""

    def __init__(self, path: str, endpoint: Callable[..., BaseModel], **kwargs: Any) -> None:
        name, kind = transaction_parameter(endpoint, Visit, PersonVisit)
        self._signed_in = kind is PersonVisit
        self._even = even_of(endpoint)
        kwargs["response_model"] = get_type_hints(endpoint)["return"]
        if self._signed_in:
            kwargs["openapi_extra"] = {"security": [{"Session": []}]}
        super().__init__(
            path, _in_transaction(endpoint, name, kind, kwargs.get("status_code") or 200), **kwargs
        )

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, reached only by requests that our own pages, or no browser at all, may have sent."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            runtime = runtime_of(request)
            token = authentication.session_token(request, runtime)
            if self._signed_in:
                if not token:
                    raise _not_signed_in()
                authentication.require_own_page(request, runtime, token)
            elif request.method not in authentication.SAFE_METHODS:
                authentication.require_same_site(request, runtime)
            started = time.monotonic()
            try:
                response = await handle(request)
            except Exception:
                await hold(runtime, started, self._even, Answers.REFUSALS)
                raise
            await hold(runtime, started, self._even, Answers.ALL)
            return response

        return guarded


def entrance(prefix: str, tag: str = "auth") -> APIRouter:
    """The router of one feature of the entrance, with the problems every operation shares."""
    return APIRouter(
        prefix=API_PREFIX + prefix,
        tags=[tag],
        route_class=EntranceRoute,
        responses=problem_responses(401, 403, 422, 429, 500, 503),
    )


def _in_transaction(
    endpoint: Callable[..., BaseModel], visit_name: str, kind: type[Visit], status: int
) -> Callable[..., Response]:
    """The endpoint as FastAPI calls it: its visit replaced by the request it comes from."""

    def run(request: Request, **values: Any) -> Response:
        runtime = runtime_of(request)
        token = authentication.session_token(request, runtime)
        with runtime.identity.transaction() as connection:
            visit = Visit(connection, runtime, origin_of(request.scope), token)
            if kind is PersonVisit:
                visit = _signed_in(visit)
            answer = endpoint(**values, **{visit_name: visit})
            body = answer.__pydantic_serializer__.to_json(answer)
        response = Response(body, status, media_type="application/json")
        for cookie in visit.cookies:
            response.headers.append("set-cookie", cookie)
        return response

    return as_endpoint(run, endpoint, visit_name)


def _signed_in(visit: Visit) -> PersonVisit:
    session = sessions.find(visit.connection, visit.token)
    if session is None:
        raise _not_signed_in()
    return PersonVisit(
        visit.connection, visit.runtime, visit.origin, visit.token, visit.cookies, session=session
    )


def _not_signed_in() -> Unauthenticated:
    return Unauthenticated("Nobody is signed in.", remedy="Sign in first.")
