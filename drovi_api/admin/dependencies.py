"""Operations of the administration: who may call them, their one transaction, and the entry that each must leave.

The counterpart of :mod:`drovi_api.entrance`, as the same role of the database, which sees people and no content. An
endpoint asks for ``Visits`` (anybody may call), ``Entering`` (the password was right; what is missing may be given)
or ``Acts`` (an administrator who has given everything). An act whose service wrote nothing into the audit log, and a
change at the entrance that did not, fail and change nothing: none can land without.

An act goes into the platform's own chain, and into the chain of each organisation that it concerns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, get_type_hints
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.responses import Response

from drovi_api.admin import authentication
from drovi_api.authentication import SAFE_METHODS
from drovi_api.context import Origin, origin_of
from drovi_api.dependencies import as_endpoint, runtime_of, transaction_parameter
from drovi_api.entrance import Answers, even_of, hold
from drovi_api.errors import problem_responses, response_to
from drovi_api.runtime import ApiRuntime
from resources import audit
from resources.audit import Action
from resources.database import enter
from resources.errors import Forbidden, InvariantBroken, Unauthenticated
from resources.identity import admin_sessions
from resources.identity.admin_sessions import AdminSession

ADMIN_PREFIX = "/admin/api"
"""Where the application is mounted; routes inside are relative to it."""


@dataclass(slots=True)
class Visit:
    """The request's transaction, and the cookies its answer sets."""

    connection: Connection
    runtime: ApiRuntime
    origin: Origin
    token: str
    """The session's token that the browser showed; empty where it showed none."""
    cookies: list[str] = field(default_factory=list)
    audited: bool = False

    def hand_over(self, started: admin_sessions.Started) -> None:
        """Give the browser a session."""
        self.cookies.append(authentication.session_cookie(self.runtime, started))

    def take_back(self) -> None:
        """Take the browser's session cookie away."""
        self.cookies.append(authentication.ended_cookie(self.runtime))

    def record(
        self,
        actor: audit.Actor,
        action: Action,
        subject: tuple[str, UUID | str],
        *,
        organisations: Iterable[UUID] = (),
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write an act into the platform's chain and those of the organisations it concerns; last in the service."""
        # In one order everywhere: of two acts that concern the same chains, one waits for the other.
        for org_id in [audit.PLATFORM, *sorted(set(organisations))]:
            enter(self.connection, org_id)
            audit.record(
                self.connection,
                actor,
                action,
                *subject,
                before=before,
                after=after,
                request_id=self.origin.request_id,
            )
        self.audited = True


@dataclass(slots=True)
class SignedInVisit(Visit):
    """A visit of an administrator who gave their password, and possibly no second factor yet."""

    session: AdminSession = field(kw_only=True)

    @property
    def actor(self) -> audit.Actor:
        """The administrator as the audit log names them."""
        return audit.Actor(
            audit.ActorKind.ADMIN, str(self.session.admin_id), self.session.email, self.origin.address
        )


@dataclass(slots=True)
class Act(SignedInVisit):
    """What an administrator does who is signed in completely."""

    def audit(
        self,
        action: Action,
        subject_kind: str,
        subject_id: UUID | str,
        *,
        organisations: Iterable[UUID] = (),
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the act down; last in the service. See :meth:`Visit.record`."""
        self.record(
            self.actor,
            action,
            (subject_kind, subject_id),
            organisations=organisations,
            before=before,
            after=after,
        )


Visits = Annotated[Visit, "the request's transaction"]
Entering = Annotated[SignedInVisit, "the request's transaction"]
Acts = Annotated[Act, "the request's transaction"]


class AdminRoute(APIRoute):
    """An operation of the administration."""

    def __init__(self, path: str, endpoint: Callable[..., BaseModel], **kwargs: Any) -> None:
        name, kind = transaction_parameter(endpoint, Visit, SignedInVisit, Act)
        self._kind: type[Visit] = kind
        self._even = even_of(endpoint)
        kwargs["response_model"] = get_type_hints(endpoint)["return"]
        audited = kind is Act or not SAFE_METHODS.issuperset(kwargs["methods"])
        kwargs["openapi_extra"] = {"x-audited": audited}
        if kind is not Visit:
            kwargs["openapi_extra"]["security"] = [{scheme: []} for scheme in authentication.SECURITY_SCHEMES]
        run = _in_transaction(endpoint, name, kind, kwargs.get("status_code") or 200, audited=audited)
        super().__init__(path, run, **kwargs)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, reached only by requests that our own pages, or no browser at all, may have sent."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            started = time.monotonic()
            try:
                self._require_own(request)
                return await handle(request)
            except Exception as error:  # noqa: BLE001 - a mounted application's own last resort would be plain text
                await hold(runtime_of(request), started, self._even, Answers.REFUSALS)
                return response_to(request.scope, error)

        return guarded

    def _require_own(self, request: Request) -> None:
        if self._kind is Visit:
            authentication.require_own_page(request, "")
            return
        token = authentication.token_of(request, runtime_of(request))
        if not token:
            raise _not_signed_in()
        authentication.require_own_page(request, token)


def feature(prefix: str, tag: str) -> APIRouter:
    """The router of one feature of the administration, with the problems every operation shares."""
    responses = problem_responses(401, 403, 422, 429, 500, 503)
    responses[401]["description"] = "No administrator is signed in here, or a half of the sign-in is wrong."
    responses[403]["description"] = (
        "Another site's page may have sent it, or the password has to be replaced first."
    )
    return APIRouter(prefix=prefix, tags=[tag], route_class=AdminRoute, responses=responses)


def _in_transaction(
    endpoint: Callable[..., BaseModel], visit_name: str, kind: type[Visit], status: int, *, audited: bool
) -> Callable[..., Response]:
    """The endpoint as FastAPI calls it: its visit replaced by the request it comes from."""

    def run(request: Request, **values: Any) -> Response:
        runtime = runtime_of(request)
        token = authentication.token_of(request, runtime)
        with runtime.identity.transaction() as connection:
            visit = Visit(connection, runtime, origin_of(request.scope), token)
            if issubclass(kind, SignedInVisit):
                visit = _signed_in(visit, kind)
            answer = endpoint(**values, **{visit_name: visit})
            body = answer.__pydantic_serializer__.to_json(answer)
            if audited and not visit.audited:
                raise InvariantBroken(f"{endpoint.__name__} left no entry in the audit log.")
        if isinstance(visit, SignedInVisit):
            admin_sessions.note(runtime.identity, visit.session.id)
        response = Response(body, status, media_type="application/json")
        for cookie in visit.cookies:
            response.headers.append("set-cookie", cookie)
        return response

    return as_endpoint(run, endpoint, visit_name)


def _signed_in(visit: Visit, kind: type[SignedInVisit]) -> SignedInVisit:
    session = admin_sessions.find(visit.connection, visit.runtime.administration, visit.token)
    if session is None:
        raise _not_signed_in()
    if kind is Act:
        if session.second_factor_at is None:
            raise Unauthenticated("The second factor is missing.", remedy="Give a code first.")
        if session.password_due:
            raise Forbidden(
                "Your password has to be replaced.", remedy="Set a new one; nothing else is open until then."
            )
    return kind(visit.connection, visit.runtime, visit.origin, visit.token, visit.cookies, session=session)


def _not_signed_in() -> Unauthenticated:
    return Unauthenticated("No administrator is signed in.", remedy="Sign in to the administration first.")
