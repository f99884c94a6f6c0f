"""A browser's way to an OpenID provider and back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx

from tests.api.auth.conftest import Browser


def claims(subject: str, email: str, *, verified: Any = True, **more: Any) -> dict[str, Any]:
    return {"sub": subject, "email": email, "email_verified": verified, "name": "Anne Morel", **more}


def leave(one: Browser, return_to: str = "/find") -> httpx.Response:
    return one.http.get("/api/v1/auth/oidc/start", params={"return_to": return_to}, follow_redirects=False)


def at_provider(left: httpx.Response) -> str:
    """What the provider answers the browser: path and query of where it is sent back to."""
    assert left.status_code == 303, left.text
    back = urlsplit(httpx.get(left.headers["location"], follow_redirects=False).headers["location"])
    return f"{back.path}?{back.query}"


def come_back(one: Browser, callback: str) -> str:
    """Where the browser lands, without the site."""
    answer = one.http.get(callback, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    location = urlsplit(answer.headers["location"])
    assert location.netloc == "127.0.0.1:8000"
    return answer.headers["location"].removeprefix("http://127.0.0.1:8000")


def sign_in(one: Browser, return_to: str = "/find") -> str:
    return come_back(one, at_provider(leave(one, return_to)))


def who(one: Browser) -> str | None:
    answer = one("GET", "/auth/session")
    return answer.json()["email"] if answer.status_code == 200 else None


def problem(reason: str) -> str:
    return f"/sign-in?problem={reason}"
