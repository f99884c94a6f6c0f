"""Requests made up from the OpenAPI document, fitting and unfitting, by every role and by nobody.

Whatever is sent, the answer is one that the document describes: its status, its type, its shape; every refusal is a
problem document, and the server never fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from schemathesis.generation import GenerationMode
from sqlalchemy import text
from starlette.testclient import TestClient

from drovi_api.app import create_app, describe
from drovi_api.runtime import ApiRuntime
from drovi_api.user.connection_events.schemas import ConnectionState
from resources.http import Budget, HttpClient
from resources.identity import sessions
from resources.identity.provider import OpenIdProvider, Registration
from resources.tenancy import Role
from tests.api.boundary.contract import Contract
from tests.api.boundary.operations import Opens, Operation
from tests.api.cases import CASES
from tests.api.conftest import World, colleague_of, make_world
from tests.conftest import Database, Tenant, make_tenant
from tests.emulators.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider

CONTRACT = Contract(describe(), events={"watch_connections": ConnectionState})
# What ends sessions, memberships or what a policy allows comes last.
ASKED = CONTRACT.asked(last=("sign_out", "set_policies", "leave_organisation"))


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
def crew(api_database: Database, runtime: ApiRuntime) -> Crew:
    owner = make_tenant(api_database, "Contract")
    others = {role: colleague_of(api_database, owner, role) for role in Role if role is not Role.OWNER}
    world = make_world(api_database, runtime, owner)
    return Crew(api_database, {Role.OWNER: owner, **others}, world)


@pytest.fixture(scope="module")
def served(runtime: ApiRuntime) -> Iterator[TestClient]:
    """The application of an installation that has single sign-on too."""
    with OidcProvider() as provider:
        http = HttpClient(Budget(seconds=2.0, step_seconds=1.0))
        registration = Registration(issuer=provider.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
        app = create_app(replace(runtime, provider=OpenIdProvider(registration, http)))
        with TestClient(app, raise_server_exceptions=False) as client:
            yield client
        http.close()


@pytest.fixture(autouse=True)
def no_limits_left_over(api_database: Database) -> Iterator[None]:
    """All requests come from one address, here and in the tests after."""
    yield
    with api_database.identity.transaction() as session:
        session.execute(text("DELETE FROM rate_limit"))


def _known(operation: Operation, world: World) -> dict[str, str]:
    """The path of something that exists."""
    subjects = {case.operation_id: case.subject for case in CASES if "{id}" in case.path}
    named = {slot.name: "members.csv" for slot in operation.ids if slot.place == "path"}
    if operation.id not in subjects or not named:
        return {}
    return named | {next(iter(named)): str(subjects[operation.id](world))}


@pytest.mark.parametrize(("name", "way"), ASKED)
def test_every_answer_is_one_that_the_document_describes(
    served: TestClient, crew: Crew, name: str, way: GenerationMode
) -> None:
    """No fault of the server, no undocumented status, no other shape; each refusal is a problem document."""
    operation = CONTRACT.operations[name]
    CONTRACT.holds(
        served, name, way, callers=lambda: crew.callers(operation), known=_known(operation, crew.world)
    )
