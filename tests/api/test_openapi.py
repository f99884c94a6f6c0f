"""The API describes itself completely."""

from __future__ import annotations

from typing import Any

import pytest

from drovi_api.app import describe
from drovi_api.reference import render_reference

DOCUMENT = describe()
OPERATIONS = [
    pytest.param(method, path, operation, id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
ANSWERS = ("application/json", "text/event-stream")
PROBLEM = {"$ref": "#/components/schemas/Problem"}


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_operation_is_described(method: str, path: str, operation: dict[str, Any]) -> None:
    """Id, one known tag, summary, description, what it answers with, and every problem it can answer with."""
    assert operation["tags"] in [[tag["name"]] for tag in DOCUMENT["tags"]]
    assert operation["summary"]
    assert operation["description"]
    responses = operation["responses"]
    problems = {
        int(status)
        for status, response in responses.items()
        if response.get("content", {}).get("application/problem+json", {}).get("schema") == PROBLEM
    }
    (success,) = [response for status, response in responses.items() if status[0] in "23"]
    if path.startswith("/api/"):
        assert operation.get("security") in (
            [{"ApiKey": []}, {"Session": []}],  # of an organisation, with its permission
            [{"Session": []}],  # of a person
            None,  # of anybody
        )
        assert ("x-permission" in operation) == (
            operation.get("security") == [{"ApiKey": []}, {"Session": []}]
        )
        if "303" in responses:  # a browser is led on: there is nothing to read
            assert success["headers"]["Location"]
        else:
            (content,) = (success["content"].get(kind) for kind in ANSWERS if kind in success["content"])
            assert content["schema"].keys() == {"$ref"}
        assert problems >= {401, 422, 500, 503}
        assert (404 in problems) == ("{" in path)
        assert method == "get" or 403 in problems or 429 in problems


def test_operation_ids_are_unique() -> None:
    ids = [parameter.values[2]["operationId"] for parameter in OPERATIONS]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere() -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*map(references, node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert references(DOCUMENT) <= known


def test_the_reference_names_every_operation_and_shape() -> None:
    rendered = render_reference()
    for parameter in OPERATIONS:
        method, path, operation = parameter.values
        assert f"### {operation['summary']}\n\n`{method.upper()} {path}`" in rendered
    for name in DOCUMENT["components"]["schemas"]:
        assert f"### {name.removeprefix('Page_').removesuffix('_')}" in rendered.replace(
            "### Page of ", "### "
        )
