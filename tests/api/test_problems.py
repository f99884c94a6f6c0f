"""Whatever goes wrong answers in one shape, and says nothing it should not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.exc import TimeoutError as PoolExhausted
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.auth.me.schemas import Me
from drovi_api.dependencies import Reads, feature
from drovi_api.errors import Problem
from drovi_api.middleware import MAX_BODY_BYTES, Edge
from drovi_api.runtime import ApiRuntime
from resources import errors
from tests.api.conftest import Caller

FAULTS = {
    "not-found": (errors.NotFound("Gone.", remedy="Look."), 404, "NOT_FOUND"),
    "conflict": (errors.Conflict("Taken."), 409, "CONFLICT"),
    "not-configured": (errors.NotConfigured("No key.", remedy="Set it."), 409, "NOT_CONFIGURED"),
    "rate-limited": (errors.RateLimited("Slow down.", retry_after=7.4), 429, "RATE_LIMITED"),
    "provider-down": (errors.ProviderDown("Down.", retry_after=0.1), 503, "SERVER_ERROR"),
    "pool": (PoolExhausted("QueuePool limit of size 10"), 503, "SERVER_ERROR"),
    "defect": (errors.InvariantBroken("secret detail"), 500, "SERVER_ERROR"),
    "surprise": (ValueError("secret detail"), 500, "SERVER_ERROR"),
}


@pytest.fixture(scope="module")
def failing(runtime: ApiRuntime) -> Iterator[TestClient]:
    """The application with an operation that fails as it is told."""
    router = feature("/failing", "health")

    @router.get("/{kind}")
    def fail(session: Reads, kind: str) -> Me:
        raise FAULTS[kind][0]

    app = create_app(runtime)
    app.router.routes.extend(router.routes)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("kind", FAULTS)
def test_every_error_is_a_problem_document(failing: TestClient, owner: Caller, kind: str) -> None:
    """With the code of the taxonomy, the request's id, the route and what can be done."""
    error, status, code = FAULTS[kind]
    response = Caller(failing, owner.tenant)(
        "GET", f"/api/v1/failing/{kind}", headers={"X-Request-ID": "trace-0001"}
    )
    problem = Problem.model_validate(response.json())
    assert (response.status_code, problem.status, problem.code) == (status, status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem.request_id == response.headers["x-request-id"] == "trace-0001"
    assert problem.endpoint == "GET /api/v1/failing/{kind}"
    if isinstance(error, errors.DroviError) and status != 500:
        assert (problem.detail, problem.remedy) == (error.message, error.remedy)
    assert "secret detail" not in response.text


def test_retry_after_is_whole_seconds_and_at_least_one(failing: TestClient, owner: Caller) -> None:
    caller = Caller(failing, owner.tenant)
    assert caller("GET", "/api/v1/failing/rate-limited").headers["retry-after"] == "7"
    assert caller("GET", "/api/v1/failing/provider-down").headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("DELETE", "/health", 405, "VALIDATION_ERROR"),
        ("GET", "/api/v1/objects?limit=201", 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/objects?kind=gossip", 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/objects?as_of=2026-01-01T00:00:00", 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/jobs?cursor=%00%ff", 422, "VALIDATION_ERROR"),
    ],
)
def test_requests_that_do_not_fit(owner: Caller, method: str, path: str, status: int, code: str) -> None:
    response = owner(method, path)
    problem = Problem.model_validate(response.json())
    assert (response.status_code, problem.code) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_validation_error_names_fields_and_repeats_no_value(owner: Caller) -> None:
    """What was sent may be a secret."""
    response = owner("POST", "/api/v1/connections", json={"connector": ["hunter2"], "surprise": "hunter2"})
    problem = response.json()
    assert response.status_code == 422
    assert {fault["location"] for fault in problem["errors"]} == {
        "body.connector",
        "body.name",
        "body.surprise",
    }
    assert "hunter2" not in response.text


@pytest.mark.parametrize("body", [b"{", b"[1", b'{"query": "\xff"}', b'"\\ud800"'])
def test_a_body_that_is_not_json_is_refused(owner: Caller, body: bytes) -> None:
    response = owner("POST", "/api/v1/find", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in {400, 422}
    assert response.json()["code"] == "VALIDATION_ERROR"


def test_a_body_that_is_too_large_is_refused(owner: Caller) -> None:
    response = owner("POST", "/api/v1/find", json={"query": "x" * MAX_BODY_BYTES})
    assert (response.status_code, response.json()["code"]) == (413, "VALIDATION_ERROR")


def test_the_request_id_is_the_callers_where_it_is_fit_for_a_log(stranger: Caller) -> None:
    """One that could break a log line is replaced."""
    given = stranger("GET", "/health", headers={"X-Request-ID": "abc-12345"})
    assert given.headers["x-request-id"] == "abc-12345"
    for unfit in ("short", "a b c d e f g h", "x" * 200, 'quote"quote"'):
        answered = stranger("GET", "/health", headers={"X-Request-ID": unfit}).headers["x-request-id"]
        assert len(answered) == 32
    first, second = (stranger("GET", "/health").headers["x-request-id"] for _ in range(2))
    assert first != second


def test_every_answer_carries_the_security_headers(owner: Caller) -> None:
    for response in (owner("GET", "/api/v1/auth/me"), owner("GET", "/nowhere")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")


def test_more_requests_than_can_be_served_are_asked_to_come_back(runtime: ApiRuntime, owner: Caller) -> None:
    """Health still answers: it is how an orchestrator sees that the service lives."""
    with TestClient(Edge(create_app(runtime), max_in_flight=0)) as full:
        refused = Caller(full, owner.tenant)("GET", "/api/v1/auth/me")
        assert (refused.status_code, refused.json()["code"]) == (503, "SERVER_ERROR")
        assert refused.headers["retry-after"] == "1"
        assert full.get("/health").status_code == 200


def test_the_access_log_tells_who_and_where_and_no_content(
    owner: Caller, json_log: Callable[[], list[dict[str, Any]]]
) -> None:
    """Ids, route and duration; neither the question nor the key."""
    owner("POST", "/api/v1/find?debug=hunter2", json={"query": "hunter2"})
    (line,) = [entry for entry in json_log() if entry["event"] == "request answered"]
    assert line["route"] == "/api/v1/find"
    assert line["status"] == 200
    assert line["org_id"] == str(owner.tenant.principal.org_id)
    assert "hunter2" not in json.dumps(line)
    assert owner.tenant.key not in json.dumps(line)
