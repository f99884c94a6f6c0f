"""Who calls, what they may do, and the one transaction a request has.

A request costs one thread hop and no dependency to resolve: :class:`Route` reads the credential before anything
else of the request is looked at, then opens the transaction, checks the permission that the endpoint names, runs it,
serialises its answer and commits, all on one worker thread. An endpoint asks for ``Reads`` or ``Writes``; one that
writes says with ``requires`` what that takes, and so does one that reads more than any member may.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_args, get_type_hints
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import Connection, CursorResult, Row, Select
from sqlalchemy.sql.dml import UpdateBase
from starlette.responses import Response

from drovi_api import authentication
from drovi_api.context import Origin, origin_of, remember_principal
from drovi_api.errors import problem_responses
from drovi_api.runtime import ApiRuntime
from resources import audit
from resources.audit import Action
from resources.database import Lookup, sole
from resources.errors import Forbidden
from resources.identity import activity
from resources.permissions import Permission, may
from resources.tenancy import CredentialKind, Principal

API_PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class ReadSession:
    """The request's transaction, for queries. Row-level security shows it what the caller may see."""

    connection: Connection
    principal: Principal
    origin: Origin

    @property
    def actor(self) -> audit.Actor:
        """The caller, as the audit log names them."""
        return actor_of(self.principal, self.origin)

    def all(self, query: Select[Any], **parameters: Any) -> Sequence[Row[Any]]:
        """Every row, in the query's order; ``parameters`` are the values of its ``bindparam``s."""
        return self.connection.execute(query, parameters).all()

    def one(self, query: Select[Any], what: str, **parameters: Any) -> Row[Any]:
        """The only row. Raises ``NotFound``, naming ``what``, alike for a missing row and another tenant's."""
        row: Row[Any] = sole(self.connection.execute(query, parameters).all(), what)
        return row

    def found(self, lookup: Lookup, what: str, **parameters: Any) -> Any:
        """The only row of a query that was built before, as ``one``: its columns are the row's attributes."""
        return sole(lookup.rows(self.connection, **parameters), what)


@dataclass(frozen=True, slots=True)
class WriteSession(ReadSession):
    """The request's transaction, for changes too; committed before the answer is sent."""

    def run(self, statement: UpdateBase) -> CursorResult[Any]:
        """Execute an insert, update or delete."""
        return self.connection.execute(statement)

    def audit(
        self,
        action: Action,
        subject_kind: str,
        subject_id: UUID,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the act into the organisation's audit log; last in the endpoint, since others queue behind it.

        Of a private source it may hold ids and visibility only: whoever reads the log may not know its name.
        """
        audit.record(
            self.connection,
            self.actor,
            action,
            subject_kind,
            subject_id,
            before=before,
            after=after,
            request_id=self.origin.request_id,
        )


def actor_of(principal: Principal, origin: Origin) -> audit.Actor:
    """The caller as the audit log names them: the person, and by the key they used where it was one."""
    credential = principal.credential
    by_key = credential is not None and credential.kind is CredentialKind.API_KEY
    kind = audit.ActorKind.API_KEY if by_key else audit.ActorKind.USER
    return audit.Actor(kind, str(principal.user_id), credential.email if credential else "", origin.address)


Reads = Annotated[ReadSession, "the request's transaction"]
Writes = Annotated[WriteSession, "the request's transaction"]

Endpoint = TypeVar("Endpoint", bound=Callable[..., BaseModel])
_PERMISSION = "drovi_permission"


def requires(permission: Permission) -> Callable[[Endpoint], Endpoint]:
    """Name the permission that an operation takes; stands between the router's decorator and the function."""

    def name(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _PERMISSION, permission)
        return endpoint

    return name


def runtime_of(request: Request) -> ApiRuntime:
    """What the application was created with."""
    runtime: ApiRuntime = request.app.state.runtime
    return runtime


async def _runtime(request: Request) -> ApiRuntime:
    return runtime_of(request)


Runtime = Annotated[ApiRuntime, Depends(_runtime)]


class Route(APIRoute):
    """An operation that only a credential opens: it runs in one transaction, and its model becomes the response there."""

    def __init__(self, path: str, endpoint: Callable[..., BaseModel], **kwargs: Any) -> None:
        session_name, session_type = transaction_parameter(endpoint, ReadSession, WriteSession)
        permission: Permission | None = getattr(endpoint, _PERMISSION, None)
        if permission is None:
            if session_type is WriteSession:
                raise TypeError(f"{endpoint.__name__} writes and names no permission")
            permission = Permission.READ
        kwargs["response_model"] = self.shape_of(endpoint)
        kwargs["openapi_extra"] = described(permission)
        run = _in_transaction(endpoint, session_name, session_type, permission, self.respond)
        super().__init__(path, run, **kwargs)

    def shape_of(self, endpoint: Callable[..., BaseModel]) -> type[BaseModel] | None:
        """What the OpenAPI document says that it answers with."""
        shape: type[BaseModel] = get_type_hints(endpoint)["return"]
        return shape

    def respond(self, _request: Request, answer: Any) -> Response:
        """What the endpoint returned as the response; still in its transaction."""
        body = answer.__pydantic_serializer__.to_json(answer)
        return Response(body, self.status_code or 200, media_type="application/json")

    def get_route_handler(self) -> Handler:
        """FastAPI's handler, reached only by requests that show a credential: a stranger's body is not even read."""
        return with_credential(super().get_route_handler())


_SHOWN = "drovi.credential"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def with_credential(handle: Handler) -> Handler:
    """The handler, reached only by requests that show a credential."""

    async def handle_shown(request: Request) -> Response:
        request.scope[_SHOWN] = authentication.shown(request, runtime_of(request))
        return await handle(request)

    return handle_shown


def credential_of(request: Request) -> authentication.Shown:
    """What the request showed, for handlers under ``with_credential``."""
    credential: authentication.Shown = request.scope[_SHOWN]
    return credential


def described(permission: Permission) -> dict[str, Any]:
    """What the OpenAPI document says of an operation that takes a permission."""
    return {
        "security": [{name: []} for name in authentication.SECURITY_SCHEMES],
        "x-permission": permission.value,
    }


def transaction_parameter(endpoint: Callable[..., Any], *kinds: type[Any]) -> tuple[str, type[Any]]:
    """The name and type of the endpoint's one parameter that is annotated with one of ``kinds``."""
    ((name, kind),) = [
        (name, arguments[0])
        for name, parameter in inspect.signature(endpoint, eval_str=True).parameters.items()
        if (arguments := get_args(parameter.annotation)) and arguments[0] in kinds
    ]
    return name, kind


def _in_transaction(
    endpoint: Callable[..., BaseModel],
    session_name: str,
    make_session: type[ReadSession],
    permission: Permission,
    respond: Callable[[Request, Any], Response],
) -> Callable[..., Response]:
    """The endpoint as FastAPI calls it: its session parameter replaced by the request it comes from."""

    def run(request: Request, **values: Any) -> Response:
        runtime = runtime_of(request)
        credential = credential_of(request)
        with runtime.database.authenticated(credential.hash, credential.kind) as (connection, principal):
            remember_principal(request.scope, principal)
            require(principal, permission)
            session = make_session(connection, principal, origin_of(request.scope))
            response = respond(request, endpoint(**values, **{session_name: session}))
        activity.note(runtime.identity, principal)
        return response

    return as_endpoint(run, endpoint, session_name)


def as_endpoint(
    run: Callable[..., Response], endpoint: Callable[..., Any], replaced: str
) -> Callable[..., Response]:
    """``run`` with the endpoint's name, words and parameters, but for one in whose place the request stands."""
    functools.update_wrapper(run, endpoint)
    signature = inspect.signature(endpoint, eval_str=True)
    own = [parameter for name, parameter in signature.parameters.items() if name != replaced]
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    run.__signature__ = inspect.Signature([request, *own])  # type: ignore[attr-defined]  # read by FastAPI
    return run


def require(principal: Principal, permission: Permission) -> None:
    """Refuse a caller whose role, or whose key's scopes, do not hold the permission.

    Raises:
        Forbidden: it is not theirs, or their session lacks the second factor that the organisation asks for.
    """
    credential = principal.credential
    if credential is not None and credential.second_factor_missing:
        raise Forbidden(
            "This organisation asks for a second factor.",
            remedy="Add one under your account's security, or sign in with it.",
        )
    if may(principal, permission):
        return
    if credential is not None and credential.kind is CredentialKind.API_KEY:
        raise Forbidden(
            f"The key does not carry the permission {permission}.",
            remedy="Use a key with that scope, of a member whose role allows it.",
        )
    raise Forbidden(
        f"Your role, {principal.role}, does not carry the permission {permission}.",
        remedy="Ask an owner or administrator to do it, or for another role.",
    )


def feature(prefix: str, tag: str) -> APIRouter:
    """The router of one feature: authenticated, transactional, with the problems every operation shares."""
    return APIRouter(
        prefix=API_PREFIX + prefix,
        tags=[tag],
        route_class=Route,
        responses=problem_responses(401, 403, 422, 500, 503),
    )
