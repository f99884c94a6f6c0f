"""What a request of an administrator shows: a cookie of its own kind, and that session's own CSRF token.

The cookie is SameSite=Strict: no link from elsewhere arrives signed in. No other site may use this API, whatever
``DROVI_CORS_ORIGINS`` allows for the users'.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import Request

from drovi_api.authentication import CSRF_HEADER, SAFE_METHODS, cookie, from_own_site
from drovi_api.runtime import ApiRuntime
from resources.errors import Forbidden
from resources.identity import admin_sessions

SECURITY_SCHEMES = {
    "Administrator": {
        "type": "apiKey",
        "in": "cookie",
        "name": "drovi_admin",
        "description": "The cookie that signing in sets (`__Host-drovi_admin` over HTTPS). Requests that change "
        "something also send the session's CSRF token as `X-CSRF-Token`.",
    },
}
"""How administrators identify themselves, for the OpenAPI document."""


def cookie_name(runtime: ApiRuntime) -> str:
    """Over HTTPS a name that browsers accept from this host alone."""
    return "__Host-drovi_admin" if runtime.secure else "drovi_admin"


def token_of(request: Request, runtime: ApiRuntime) -> str:
    """The session's token from its cookie; empty where there is none."""
    return request.cookies.get(cookie_name(runtime), "")


def session_cookie(runtime: ApiRuntime, started: admin_sessions.Started) -> str:
    """The ``Set-Cookie`` header that hands a session to the browser."""
    lifetime = int((started.expires_at - datetime.now(UTC)).total_seconds())
    return cookie(runtime, cookie_name(runtime), started.token, max(0, lifetime), "Strict")


def ended_cookie(runtime: ApiRuntime) -> str:
    """The ``Set-Cookie`` header that takes it away again."""
    return cookie(runtime, cookie_name(runtime), "", 0, "Strict")


def require_own_page(request: Request, token: str) -> None:
    """Refuse what another site may have made the browser send; ``token`` is empty where nobody need be known.

    Reading as well: a site that may use the users' API could read the answer otherwise.

    Raises:
        Forbidden: the browser says so, or a change does not show the session's CSRF token.
    """
    if not from_own_site(request):
        raise Forbidden(
            "The request comes from another site.", remedy="Send it from the administration's own pages."
        )
    if request.method in SAFE_METHODS or not token:
        return
    if not admin_sessions.csrf_matches(token, request.headers.get(CSRF_HEADER, "")):
        raise Forbidden(
            "The request does not show its session's CSRF token.",
            remedy="Send the csrf_token that signing in gave as X-CSRF-Token.",
        )
