"""The administration, asked with requests made up from its own OpenAPI document: by nobody, halfway in, and inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from schemathesis.generation import GenerationMode
from starlette.testclient import TestClient

from drovi_api.admin.app import describe
from drovi_api.admin.dependencies import ADMIN_PREFIX
from resources.identity import admin_sessions
from resources.identity.admin_sessions import Started
from resources.identity.administrators import Rules
from tests.api.admin.cases import CASES
from tests.api.admin.conftest import AdminBrowser, make_work
from tests.api.boundary.contract import Contract
from tests.api.conftest import Caller
from tests.conftest import Database

CONTRACT = Contract(describe(), ADMIN_PREFIX)


def _callers(database: Database, admin_id: UUID) -> Iterator[dict[str, str]]:
    """New sessions each time: some operations end them."""
    yield {}
    with database.identity.transaction() as connection:
        begun = (
            admin_sessions.start(connection, admin_id, "testclient"),
            admin_sessions.complete(connection, Rules(), admin_id, "testclient"),
        )
    yield from map(_shown, begun)


def _shown(started: Started) -> dict[str, str]:
    return {
        "cookie": f"drovi_admin={started.token}",
        "x-csrf-token": admin_sessions.csrf_token(started.token),
    }


@pytest.fixture
def known(
    administrator: Callable[..., AdminBrowser], newcomer: Callable[[], Caller], api_database: Database
) -> dict[str, UUID]:
    """What there is to name, by the parameter that does; the administrator is the one who asks."""
    one, user = administrator(), newcomer().tenant.principal
    (admin_id,) = one.run("SELECT id FROM admin_user WHERE email = :email", email=one.email).one()
    work = make_work(api_database, user.org_id)
    return {
        "organisation_id": user.org_id,
        "user_id": user.user_id,
        "administrator_id": admin_id,
        "job_id": work.failed_job_id,
        "schedule_id": work.schedule_id,
        "kill_switch_id": work.kill_switch_id,
        "dead_letter_id": work.dead_letter_id,
    }


@pytest.mark.parametrize(("name", "way"), CONTRACT.asked())
def test_every_answer_is_one_that_the_document_describes(
    client: TestClient, api_database: Database, known: dict[str, UUID], *, name: str, way: GenerationMode
) -> None:
    """No fault of the server, no undocumented status, no other shape; each refusal is a problem document."""
    named = [slot.name for slot in CONTRACT.operations[name].ids if slot.place == "path"]
    CONTRACT.holds(
        client,
        name,
        way,
        callers=lambda: _callers(api_database, known["administrator_id"]),
        known={slot: str(known[slot]) for slot in named},
    )


def test_the_administration_is_asked_as_its_cases_are() -> None:
    """What is made up here is of the same operations."""
    assert CONTRACT.operations.keys() == CASES.keys()
