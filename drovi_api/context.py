"""What belongs to one request and is known to every layer: kept in the ASGI scope, read through functions."""

from __future__ import annotations

import re
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


def remember_principal(scope: Scope, principal: Principal) -> None:
    """Who the caller turned out to be, for the access log."""
    scope[_PRINCIPAL] = principal


def principal_of(scope: Scope) -> Principal | None:
    """Who the caller is; None before authentication and for open routes."""
    principal: Principal | None = scope.get(_PRINCIPAL)
    return principal
