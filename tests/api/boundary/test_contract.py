"""Requests made up from the OpenAPI document, fitting and unfitting, by every role and by nobody.

Whatever is sent, the answer is one that the document describes: its status, its type, its shape; every refusal is a
problem document, and the server never fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import text
from starlette.testclient import TestClient

from drovi_api.app import describe
from drovi_api.errors import MEDIA_TYPE, Problem
from resources.identity import sessions
from resources.tenancy import Role
from tests.api.boundary.operations import Opens, Operation, operations_of
from tests.api.cases import CASES
from tests.api.conftest import World, colleague_of, make_world
from tests.conftest import Database, Tenant, make_tenant

DOCUMENT = describe()
OPERATIONS = operations_of(DOCUMENT)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
DESCRIBED = {found.ok().definition.raw["operationId"]: found.ok() for found in SCHEMA.get_all_operations()}
EXAMPLES = 8
"""Of each kind and operation; each is sent by every caller."""


@dataclass(frozen=True)
class Crew:
    """One organisation with a member of each role, and what it holds."""

    database: Database
    members: Mapping[Role, Tenant]
    world: World

    def callers(self, operation: Operation) -> Iterator[dict[str, str]]:
        """The headers of everybody who may try: nobody, and each role by whatever opens the operation."""
        yield {}
        if operation.opens is Opens.NOTHING:
            return
        for member in self.members.values():
            if operation.opens is Opens.MEMBER:
                yield {"authorization": f"Bearer {member.key}"}
            yield self._session(member)

    def _session(self, member: Tenant) -> dict[str, str]:
        """A new one each time: some operations end it."""
        principal = member.principal
        with self.database.identity.transaction() as connection:
            started = sessions.start(
                connection, principal.user_id, principal.org_id, sessions.Device("testclient", "schemathesis")
            )
        return {
            "cookie": f"drovi_session={started.token}",
            "x-csrf-token": sessions.csrf_token(started.token),
        }


@pytest.fixture(scope="module")
def crew(api_database: Database) -> Crew:
    owner = make_tenant(api_database, "Contract")
    others = {role: colleague_of(api_database, owner, role) for role in Role if role is not Role.OWNER}
    return Crew(api_database, {Role.OWNER: owner, **others}, make_world(api_database, owner))


@pytest.fixture(autouse=True)
def no_limits_left_over(api_database: Database) -> Iterator[None]:
    """All requests come from one address, here and in the tests after."""
    yield
    with api_database.identity.transaction() as session:
        session.execute(text("DELETE FROM rate_limit"))


def _sent(client: TestClient, case: schemathesis.Case, headers: Mapping[str, str]) -> httpx.Response:
    kwargs: dict[str, Any] = case.as_transport_kwargs(base_url="http://testserver")
    wanted = {
        name: kwargs[name]
        for name in ("method", "url", "params", "data", "json", "headers")
        if name in kwargs
    }
    prepared = requests.Request(**wanted).prepare()
    # As bytes: what does not fit ASCII is a test as well.
    own = {
        name: value.encode("latin-1") if isinstance(value, str) else value
        for name, value in prepared.headers.items()
    }
    client.cookies.clear()
    return client.request(prepared.method, prepared.url, content=prepared.body, headers={**own, **headers})


def _known_ids(operation: Operation, world: World) -> dict[str, str]:
    """The path of something that exists, so that more than a refusal is looked at."""
    subjects = {case.operation_id: case.subject for case in CASES if "{id}" in case.path}
    named = [slot.name for slot in operation.ids if slot.place == "path"]
    return (
        {named[0]: str(subjects[operation.id](world))} if operation.id in subjects and len(named) == 1 else {}
    )


def _ways(name: str) -> list[GenerationMode]:
    """An operation without any input cannot be asked in an unfitting way."""
    operation = OPERATIONS[name]
    takes = (
        operation.ids
        or operation.headers
        or operation.paginated
        or "requestBody" in DESCRIBED[name].definition.raw
    )
    return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if takes else [GenerationMode.POSITIVE]


# What ends sessions or takes things away comes last. A stream has no end to wait for: the harness listens to those.
NAMES = sorted(
    (name for name, operation in OPERATIONS.items() if not operation.streams),
    key=lambda name: OPERATIONS[name].method == "DELETE",
)
ASKED = [pytest.param(name, way, id=f"{name}-{way.value}") for name in NAMES for way in _ways(name)]


@pytest.mark.parametrize(("name", "way"), ASKED)
def test_every_answer_is_one_that_the_document_describes(
    client: TestClient, crew: Crew, name: str, way: GenerationMode
) -> None:
    """No fault of the server, no undocumented status, no other shape; each refusal is a problem document."""
    operation, described = OPERATIONS[name], DESCRIBED[name]
    known = _known_ids(operation, crew.world)

    @given(case=described.as_strategy(generation_mode=way), exists=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case, *, exists: bool) -> None:
        if exists and known:
            case.path_parameters = known
        for headers in crew.callers(operation):
            response = _sent(client, case, headers)
            case.validate_response(response, checks=CHECKS)
            if response.status_code >= 400:
                assert response.headers["content-type"] == MEDIA_TYPE
                assert Problem.model_validate(response.json()).status == response.status_code

    ask()


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
