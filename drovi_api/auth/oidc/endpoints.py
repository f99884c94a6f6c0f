"""Routes of single sign-on: two that a browser is led through, and one that the sign-in page asks.

These two open no transaction of their own, as other operations do: between their steps they wait for the provider, and
nobody else's sign-in is to wait for a database connection meanwhile.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from drovi_api import authentication
from drovi_api.auth.oidc import service
from drovi_api.auth.oidc.schemas import SingleSignOn
from drovi_api.context import origin_of
from drovi_api.dependencies import API_PREFIX, Runtime
from drovi_api.entrance import Visits, entrance
from drovi_api.errors import problem_responses

_PREFIX = "/auth/oidc"
_REDIRECT: dict[int | str, dict[str, Any]] = {
    303: {
        "description": "Where the browser goes next.",
        "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
    }
}

router = entrance(_PREFIX)
redirects = APIRouter(
    prefix=API_PREFIX + _PREFIX,
    tags=["auth"],
    default_response_class=Response,
    responses={**_REDIRECT, **problem_responses(401, 403, 409, 422, 429, 500, 503)},
)


@router.get("", operation_id="get_single_sign_on", summary="Is there single sign-on?")
def get_single_sign_on(visit: Visits) -> SingleSignOn:
    """Whether people may sign in by an OpenID provider, and what it is called."""
    return service.offered(visit.runtime)


@redirects.get(
    "/start", operation_id="start_single_sign_on", summary="Sign in by the provider", status_code=303
)
def start_single_sign_on(
    request: Request,
    runtime: Runtime,
    return_to: Annotated[
        str, Query(max_length=500, description="The page of ours to end on: a path, such as `/find`.")
    ] = "/",
) -> Response:
    """Lead the browser to the OpenID provider. It comes back within ten minutes, or begins again."""
    return _led(service.start(runtime, origin_of(request.scope), return_to))


@redirects.get(
    "/callback",
    operation_id="finish_single_sign_on",
    summary="Come back from the provider",
    status_code=303,
)
def finish_single_sign_on(
    request: Request,
    runtime: Runtime,
    *,
    state: Annotated[str, Query(description="As it was sent away.")] = "",
    code: Annotated[str, Query(description="What the provider is asked about the person with.")] = "",
    iss: Annotated[str | None, Query(description="Who answers (RFC 9207).")] = None,
    error: Annotated[str, Query(description="Why the provider signs nobody in.")] = "",
) -> Response:
    """Sign in whom the provider vouches for, and lead the browser to the page it wanted; else to the sign-in page."""
    returning = service.Returning(
        state=state,
        browser=authentication.departure_secret(request, runtime),
        session_token=authentication.session_token(request, runtime),
        code=code,
        issuer=iss,
        error=error,
    )
    return _led(service.finish(runtime, origin_of(request.scope), returning))


def _led(landing: service.Landing) -> Response:
    response = Response(status_code=303, headers={"location": landing.location})
    for cookie in landing.cookies:
        response.headers.append("set-cookie", cookie)
    return response
