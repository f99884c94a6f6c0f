"""Every operation, tried by the stranger, the other tenant, the viewer and the owner, in that order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from tests.api.case import Case, Reach
from tests.api.cases import CASES as EVERY_CASE
from tests.api.conftest import Caller, World

CASES = [case for case in EVERY_CASE if case.reach not in {Reach.ENTRANCE, Reach.SIGNED, Reach.STREAM}]
GUARDED = [case for case in EVERY_CASE if case.reach not in {Reach.ENTRANCE, Reach.SIGNED, Reach.OPEN}]
guarded = pytest.mark.parametrize("case", GUARDED, ids=lambda c: c.operation_id)
named = pytest.mark.parametrize(
    "case", [c for c in CASES if c.reach is Reach.ONE], ids=lambda c: c.operation_id
)
listed = pytest.mark.parametrize(
    "case", [c for c in CASES if c.reach is Reach.LIST], ids=lambda c: c.operation_id
)
every = pytest.mark.parametrize(
    "case", [c for c in CASES if c.reach is not Reach.PEOPLE], ids=lambda c: c.operation_id
)


# What ends the world that the other cases stand on is tried by test_audited, in one of its own.
lasting = pytest.mark.parametrize(
    "case",
    [c for c in CASES if c.reach is not Reach.PEOPLE and not c.apart],
    ids=lambda c: c.operation_id,
)


def _try(caller: Caller, case: Case, world: World) -> httpx.Response:
    return caller(case.method, case.url(case.subject(world)), json=case.body())


def _contents(response: httpx.Response) -> list[Any]:
    body = response.json()
    (contents,) = [body[name] for name in ("items", "results", "citations") if name in body]
    return contents


def _without_id(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}


def test_every_operation_has_a_case(client: TestClient) -> None:
    """A new endpoint cannot land without being tried by every kind of caller."""
    document = client.get("/openapi.json").json()
    operations = {
        operation["operationId"]: (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert {case.operation_id for case in EVERY_CASE} == operations.keys()
    for case in EVERY_CASE:
        method, path = operations[case.operation_id]
        assert method == case.method
        assert path.split("/")[:4] == case.path.split("/")[:4]


@guarded
def test_a_stranger_is_turned_away(stranger: Caller, world: World, case: Case) -> None:
    """Before anything else of the request is looked at."""
    response = _try(stranger, case, world)
    assert response.status_code == 401
    assert response.json()["code"] == "UNAUTHENTICATED"
    assert response.headers["www-authenticate"] == "Bearer"


@guarded
def test_an_unknown_key_is_turned_away(client: TestClient, world: World, case: Case) -> None:
    response = client.request(
        case.method,
        case.url(case.subject(world)),
        json=case.body(),
        headers={"Authorization": "Bearer drovi_unknown"},
    )
    assert (response.status_code, response.json()["code"]) == (401, "UNAUTHENTICATED")


@named
def test_another_tenants_id_answers_as_a_missing_one(other: Caller, world: World, case: Case) -> None:
    theirs = _try(other, case, world)
    missing = other(case.method, case.url(uuid4()), json=case.body())
    assert theirs.status_code == missing.status_code == 404
    assert _without_id(theirs.json()) == _without_id(missing.json())


@listed
def test_another_tenant_sees_nothing(other: Caller, world: World, case: Case) -> None:
    assert _contents(_try(other, case, world)) == []


@every
def test_a_viewer_reads_and_does_not_write(viewer: Caller, world: World, case: Case) -> None:
    response = _try(viewer, case, world)
    assert response.status_code == (case.viewer or (403 if case.writes or case.administration else 200))
    if response.status_code == 403:
        assert response.json()["code"] == "FORBIDDEN"


@lasting
def test_the_owner_is_served(owner: Caller, world: World, case: Case) -> None:
    response = _try(owner, case, world)
    assert response.status_code == case.status, response.text
    if case.reach is Reach.LIST:
        assert _contents(response)


@named
def test_a_private_source_does_not_exist_for_colleagues(
    member: Caller, owner: Caller, world: World, case: Case
) -> None:
    """Not in the organisation either: private stays private, whatever is derived from it."""
    private = replace(world, shared=world.private, spare_id=world.private_spare_id)
    if case.subject(private) == case.subject(world):
        pytest.skip("this case has no private twin")
    assert _try(owner, case, private).status_code == case.status
    assert _try(member, case, private).status_code == 404


@named
def test_an_id_that_is_none_is_invalid(owner: Caller, case: Case) -> None:
    response = owner(case.method, case.path.replace("{id}", "not-an-id"), json=case.body())
    assert (response.status_code, response.json()["code"]) == (422, "VALIDATION_ERROR")
    assert response.json()["errors"][0]["location"].startswith("path.")
