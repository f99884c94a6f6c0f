"""What a request shows to say who it comes from: an API key, or a session's cookie with its CSRF token.

Read before anything else of the request is looked at; whether it is good is the database's to say. A browser sends
cookies by itself, so a request that changes something must also show a token that only our own pages know, and
must not say that another site sent it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from fastapi import Request

from drovi_api.runtime import ApiRuntime
from resources.errors import Forbidden, Unauthenticated
from resources.identity import sessions, tokens
from resources.organisations import KEY_PREFIX, hash_key
from resources.tenancy import CredentialKind

CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

SECURITY_SCHEMES = {
    "ApiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": f"An API key: `Authorization: Bearer {KEY_PREFIX}…`.",
    },
    "Session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "drovi_session",
        "description": "The cookie that signing in sets (`__Host-drovi_session` over HTTPS). Requests that change "
        "something also send the session's CSRF token as `X-CSRF-Token`.",
    },
}
"""How callers identify themselves, for the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A credential as the request shows it, not yet looked up. ``token`` is empty for a key."""

    kind: CredentialKind
    hash: bytes
    token: str = ""


def cookie_name(runtime: ApiRuntime) -> str:
    """Over HTTPS a name that browsers accept from this host alone, so that no sibling site can plant a session."""
    return "__Host-drovi_session" if runtime.secure else "drovi_session"


def shown(request: Request, runtime: ApiRuntime) -> Shown:
    """The request's credential.

    Raises:
        Unauthenticated: it shows none, or one that is no key of ours.
        Forbidden: a browser may have been made to send it.
    """
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() == "bearer" and key.startswith(KEY_PREFIX):
            return Shown(CredentialKind.API_KEY, hash_key(key))
    else:
        token = session_token(request, runtime)
        if token:
            require_own_page(request, runtime, token)
            return Shown(CredentialKind.SESSION, tokens.hash_of(sessions.KIND, token), token)
    raise Unauthenticated(
        "No API key or session was sent.",
        remedy=f"Sign in, or send a key as `Authorization: Bearer {KEY_PREFIX}…`.",
    )


def session_token(request: Request, runtime: ApiRuntime) -> str:
    """The session's token from its cookie; empty where there is none."""
    return request.cookies.get(cookie_name(runtime), "")


def require_own_page(request: Request, runtime: ApiRuntime, token: str) -> None:
    """Refuse a change that another site may have made the browser send (cross-site request forgery)."""
    if request.method in SAFE_METHODS:
        return
    require_same_site(request, runtime)
    if not sessions.csrf_matches(token, request.headers.get(CSRF_HEADER, "")):
        raise Forbidden(
            "The request does not show its session's CSRF token.",
            remedy="Send the csrf_token that signing in gave as X-CSRF-Token.",
        )


def require_same_site(request: Request, runtime: ApiRuntime) -> None:
    """Refuse what a browser says another site's page sends, unless that site is one of the configured origins."""
    if not from_own_site(request, runtime.allowed_origins):
        raise Forbidden(
            "The request comes from another site.",
            remedy="Send it from Drovi's own pages, or name the site in DROVI_CORS_ORIGINS.",
        )


def from_own_site(request: Request, others: frozenset[str] = frozenset()) -> bool:
    """Whether no browser says that a page of another site sent it; pages of ``others`` may."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    return origin in others or urlsplit(origin).netloc == request.headers.get("host")


def session_cookie(runtime: ApiRuntime, token: str, expires_at: datetime) -> str:
    """The ``Set-Cookie`` header that hands a session to the browser, out of reach of scripts and other sites."""
    lifetime = int((expires_at - datetime.now(UTC)).total_seconds())
    return cookie(runtime, cookie_name(runtime), token, max(0, lifetime))


def ended_cookie(runtime: ApiRuntime) -> str:
    """The ``Set-Cookie`` header that takes it away again."""
    return cookie(runtime, cookie_name(runtime), "", 0)


def departure_secret(request: Request, runtime: ApiRuntime) -> str:
    """What the browser keeps while its person is at the sign-in provider; empty where nobody is."""
    return request.cookies.get(_departure_name(runtime), "")


def departure_cookie(runtime: ApiRuntime, secret: str, lifetime: timedelta) -> str:
    """The ``Set-Cookie`` header that binds a sign-in at the provider to the browser it began in; it takes it away if empty."""
    return cookie(runtime, _departure_name(runtime), secret, int(lifetime.total_seconds()) if secret else 0)


def _departure_name(runtime: ApiRuntime) -> str:
    return "__Host-drovi_departure" if runtime.secure else "drovi_departure"


def cookie(
    runtime: ApiRuntime, name: str, value: str, max_age: int, same_site: Literal["Lax", "Strict"] = "Lax"
) -> str:
    """A ``Set-Cookie`` header for this host alone, out of reach of scripts; without an age it takes the cookie away."""
    parts = [f"{name}={value}", "Path=/", f"Max-Age={max_age}", "HttpOnly", f"SameSite={same_site}"]
    return "; ".join([*parts, "Secure"] if runtime.secure else parts)
