"""What every answer carries for browsers, whose pages may read it, and how much of a request is read."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.middleware import MAX_BODY_BYTES
from drovi_api.runtime import ApiRuntime
from tests.api.conftest import Caller

ALLOWED = "https://app.firm.example"
REFUSED = ("https://evil.example", "https://app.firm.example.evil.example", "http://app.firm.example", "null")


@pytest.fixture
def opened(runtime: ApiRuntime) -> TestClient:
    """An installation whose pages are at another site."""
    app = create_app(dataclasses.replace(runtime, allowed_origins=frozenset({ALLOWED})))
    return TestClient(app, raise_server_exceptions=False)


def preflight(client: TestClient, origin: str, headers: str = "X-CSRF-Token, Authorization") -> Any:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": headers,
    }
    return client.options("/api/v1/auth/me", headers=asked)


def test_without_a_configured_origin_no_other_site_reads_anything(client: TestClient, owner: Caller) -> None:
    assert preflight(client, ALLOWED).status_code == 405
    answer = owner("GET", "/api/v1/auth/me", headers={"Origin": ALLOWED})
    assert "access-control-allow-origin" not in answer.headers


def test_a_configured_origin_may_send_and_read(opened: TestClient, owner: Caller) -> None:
    """With credentials, named to the letter, and it can read refusals and the request's id too."""
    allowed = preflight(opened, ALLOWED)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ALLOWED
    assert allowed.headers["access-control-allow-credentials"] == "true"
    served = Caller(opened, owner.tenant)("GET", "/api/v1/auth/me", headers={"Origin": ALLOWED})
    refused = opened.get("/api/v1/auth/me", headers={"Origin": ALLOWED})
    assert (served.status_code, refused.status_code) == (200, 401)
    for answer in (served, refused):
        assert answer.headers["access-control-allow-origin"] == ALLOWED
        assert "origin" in answer.headers["vary"].lower()
        assert "x-request-id" in answer.headers["access-control-expose-headers"].lower()
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("origin", REFUSED)
def test_any_other_origin_may_not(opened: TestClient, owner: Caller, origin: str) -> None:
    assert preflight(opened, origin).status_code == 400
    answer = Caller(opened, owner.tenant)("GET", "/api/v1/auth/me", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers


def test_a_header_that_is_not_listed_is_refused(opened: TestClient) -> None:
    assert preflight(opened, ALLOWED, "X-Anything").status_code == 400


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [("https://drovi.firm.example", "max-age=31536000"), ("http://127.0.0.1:8000", None)],
)
def test_browsers_come_back_over_https_alone_where_there_is_https(
    runtime: ApiRuntime, public_url: str, expected: str | None
) -> None:
    """Said with every answer, refusals included; never on a machine that has none."""
    client = TestClient(create_app(dataclasses.replace(runtime, public_url=public_url)))
    for path in ("/health", "/api/v1/auth/me", "/nowhere"):
        assert client.get(path).headers.get("strict-transport-security") == expected


@pytest.mark.parametrize("path", ["/api/v1/find", "/api/v1/auth/sign-in"])
def test_a_body_without_an_end_is_read_up_to_the_limit(runtime: ApiRuntime, owner: Caller, path: str) -> None:
    """Chunked, with no length to go by: the reading stops, and the answer is a problem like any other."""
    assert owner.tenant is not None
    chunk = b"x" * 64 * 1024
    given, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal given
        given += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [
        (b"host", b"testserver"),
        (b"content-type", b"application/json"),
        (b"transfer-encoding", b"chunked"),
        (b"authorization", f"Bearer {owner.tenant.key}".encode()),
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("10.0.0.1", 1),
        "server": ("testserver", 80),
        "state": {},
    }
    asyncio.run(create_app(runtime)(scope, receive, send))
    assert sent[0]["status"] == 413
    assert b"VALIDATION_ERROR" in sent[1]["body"]
    assert given <= MAX_BODY_BYTES + len(chunk)
