"""The administration describes itself completely, apart from the users' API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drovi_api.admin.app import describe
from drovi_api.reference import render_admin_reference
from tests.api.conftest import Caller

DOCUMENT = describe()
OPERATIONS = [
    pytest.param(method, path, operation, id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
PROBLEM = {"$ref": "#/components/schemas/Problem"}


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_operation_is_described(method: str, path: str, operation: dict[str, Any]) -> None:
    """Id, one known tag, summary, description, what it answers with, and every problem it can answer with."""
    assert operation["tags"] in [[tag["name"]] for tag in DOCUMENT["tags"]]
    assert operation["summary"]
    assert operation["description"]
    assert operation.get("security") in ([{"Administrator": []}], None)
    problems = {
        int(status)
        for status, response in operation["responses"].items()
        if response.get("content", {}).get("application/problem+json", {}).get("schema") == PROBLEM
    }
    assert problems >= {401, 403, 422, 429, 500, 503}
    assert (404 in problems) == ("{" in path)
    assert f"### {operation['summary']}\n\n`{method.upper()} /admin/api{path}`" in render_admin_reference()


def test_the_running_service_shows_its_own_document(stranger: Caller) -> None:
    served = stranger("GET", "/admin/api/openapi.json").json()
    assert served == json.loads(json.dumps(DOCUMENT))
    assert served["servers"] == [{"url": "/admin/api"}]
    assert list(served["components"]["securitySchemes"]) == ["Administrator"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/organisations", 405), ("GET", "", 404)]
)
def test_what_is_not_there_answers_with_a_problem(
    stranger: Caller, method: str, path: str, status: int
) -> None:
    """Behind the same edge as everything else: an id, the headers, one shape."""
    answer = stranger(method, f"/admin/api{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(answer.headers.get_list("x-request-id")) == 1
