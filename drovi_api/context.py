"""What belongs to one request and is known to every layer: kept in the ASGI scope, read through functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from starlette.types import Scope

    from resources.tenancy import Principal

_REQUEST_ID = "drovi.request_id"
_PRINCIPAL = "drovi.principal"

# A caller's id goes into our log: only what cannot break a line or pose as another field.
_ACCEPTABLE = re.compile(rb"[A-Za-z0-9._-]{8,128}")


def assign_request_id(scope: Scope) -> str:
    """The caller's ``X-Request-ID`` where it is fit for a log line, else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    request_id = given.decode("ascii") if _ACCEPTABLE.fullmatch(given) else uuid4().hex
    scope[_REQUEST_ID] = request_id
    return request_id


def request_id_of(scope: Scope) -> str:
    """The id of the request; empty where the middleware did not run."""
    return str(scope.get(_REQUEST_ID, ""))


def route_of(scope: Scope) -> str:
    """The template of the route that was found, with where its application is mounted; empty where none fits."""
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is None:
        return ""
    root = str(scope.get("root_path", ""))
    return root.removeprefix(str(scope.get("app_root_path", root))) + path


def remember_principal(scope: Scope, principal: Principal) -> None:
    """Who the caller turned out to be, for the access log."""
    scope[_PRINCIPAL] = principal


def principal_of(scope: Scope) -> Principal | None:
    """Who the caller is; None before authentication and for open routes."""
    principal: Principal | None = scope.get(_PRINCIPAL)
    return principal


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the audit log and for its sender to recognise."""

    address: str
    user_agent: str
    request_id: str


def origin_of(scope: Scope) -> Origin:
    """The client's address as the server was told (a trusted proxy's word included), and what it calls itself."""
    client = scope.get("client")
    agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    return Origin(client[0] if client else "", agent.decode("latin-1"), request_id_of(scope))
