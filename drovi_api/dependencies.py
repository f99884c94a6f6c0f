"""Who calls, and the one transaction a request has.

A request costs one thread hop and no dependency to resolve: :class:`Route` reads the key before anything else
of the request is looked at, then opens the transaction, runs the endpoint, serialises its answer and commits,
all on one worker thread. An endpoint asks for ``Reads`` or ``Writes``; that choice is also its permission,
since a viewer cannot open the latter.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_type_hints
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import Connection, CursorResult, Row, Select
from sqlalchemy.sql.dml import UpdateBase
from starlette.responses import Response

from drovi_api.context import remember_principal, request_id_of
from drovi_api.errors import problem_responses
from drovi_api.runtime import ApiRuntime
from resources.audit import Action, Actor, member, record
from resources.database import sole
from resources.errors import Forbidden, Unauthenticated
from resources.organisations import KEY_PREFIX, hash_key
from resources.tenancy import Principal, Role

API_PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class ReadSession:
    """The request's transaction, for queries. Row-level security shows it what the caller may see."""

    connection: Connection
    principal: Principal
    address: str = ""
    request_id: str = ""

    @property
    def actor(self) -> Actor:
        """The caller, as the audit log names them."""
        return member(self.connection, self.principal, self.address)

    def audit(
        self,
        action: Action,
        subject_kind: str,
        subject_id: UUID,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Record what the request does, in its transaction; the last statement of an endpoint, see ``record``."""
        record(
            self.connection,
            self.actor,
            action,
            subject_kind,
            subject_id,
            before=before,
            after=after,
            request_id=self.request_id,
        )

    def all(self, query: Select[Any], **parameters: Any) -> Sequence[Row[Any]]:
        """Every row, in the query's order; ``parameters`` are the values of its ``bindparam``s."""
        return self.connection.execute(query, parameters).all()

    def one(self, query: Select[Any], what: str, **parameters: Any) -> Row[Any]:
        """The only row. Raises ``NotFound``, naming ``what``, alike for a missing row and another tenant's."""
        row: Row[Any] = sole(self.connection.execute(query, parameters).all(), what)
        return row


@dataclass(frozen=True, slots=True)
class WriteSession(ReadSession):
    """The request's transaction, for changes too; committed before the answer is sent."""

    def run(self, statement: UpdateBase) -> CursorResult[Any]:
        """Execute an insert, update or delete."""
        return self.connection.execute(statement)


Reads = Annotated[ReadSession, "the request's transaction"]
Writes = Annotated[WriteSession, "the request's transaction"]

SECURITY_SCHEME = {
    "ApiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": f"An API key: `Authorization: Bearer {KEY_PREFIX}…`.",
    }
}
"""How ``Route`` expects its callers to identify themselves, for the OpenAPI document."""


def runtime_of(request: Request) -> ApiRuntime:
    """What the application was created with."""
    runtime: ApiRuntime = request.app.state.runtime
    return runtime


async def _runtime(request: Request) -> ApiRuntime:
    return runtime_of(request)


Runtime = Annotated[ApiRuntime, Depends(_runtime)]


class Route(APIRoute):
    """An operation that only a key opens: it runs in one transaction and its model becomes the response there."""

    def __init__(self, path: str, endpoint: Callable[..., BaseModel], **kwargs: Any) -> None:
        kwargs["response_model"] = get_type_hints(endpoint)["return"]
        kwargs["openapi_extra"] = {"security": [{name: []} for name in SECURITY_SCHEME]}
        super().__init__(path, _in_transaction(endpoint, kwargs.get("status_code") or 200), **kwargs)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, reached only by requests that show a key: a stranger's body is not even read."""
        handle = super().get_route_handler()

        async def with_key(request: Request) -> Response:
            _shown_key(request)
            return await handle(request)

        return with_key


def _shown_key(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.startswith(KEY_PREFIX):
        raise Unauthenticated(
            "No API key was sent.", remedy=f"Send one as `Authorization: Bearer {KEY_PREFIX}…`."
        )
    return key


def _in_transaction(endpoint: Callable[..., BaseModel], status: int) -> Callable[..., Response]:
    """The endpoint as FastAPI calls it: its session parameter replaced by the request it comes from."""
    signature = inspect.signature(endpoint, eval_str=True)
    ((session_name, session_type),) = [
        (name, kind)
        for name, parameter in signature.parameters.items()
        if (kind := get_args(parameter.annotation)[:1]) in {(ReadSession,), (WriteSession,)}
    ]
    (make_session,) = session_type
    writes = make_session is WriteSession

    def run(request: Request, **values: Any) -> Response:
        key_hash = hash_key(_shown_key(request))
        with runtime_of(request).database.authenticated(key_hash) as (connection, principal):
            remember_principal(request.scope, principal)
            if writes and principal.role is Role.VIEWER:
                raise Forbidden(
                    "Viewers cannot change anything.",
                    remedy="Ask an owner or administrator for another role.",
                )
            address = request.client.host if request.client else ""
            session = make_session(connection, principal, address, request_id_of(request.scope))
            answer = endpoint(**values, **{session_name: session})
        body = answer.__pydantic_serializer__.to_json(answer)
        return Response(body, status, media_type="application/json")

    functools.update_wrapper(run, endpoint)
    own = [parameter for name, parameter in signature.parameters.items() if name != session_name]
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    run.__signature__ = inspect.Signature([request, *own])  # type: ignore[attr-defined]  # read by FastAPI
    return run


def feature(prefix: str, tag: str) -> APIRouter:
    """The router of one feature: authenticated, transactional, with the problems every operation shares."""
    return APIRouter(
        prefix=API_PREFIX + prefix,
        tags=[tag],
        route_class=Route,
        responses=problem_responses(401, 422, 500, 503),
    )
