"""The permission matrix as callers meet it: every role, and every set of scopes, at one operation a permission.

``tests/unit/identity`` holds the matrix against the issue; here the routes are held against the matrix.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from sqlalchemy import update

from resources.organisations import hash_key
from resources.permissions import MATRIX, SCOPES, Permission, Scope
from resources.schema import api_key
from resources.tenancy import Role
from tests.api.cases import POLICIES, POSTGRES_CONFIG
from tests.api.conftest import Caller
from tests.api.seed import seed_connection
from tests.api.tenancy.conftest import Firm, id_of

Act = Callable[[Caller, Firm], httpx.Response]


@dataclass(frozen=True, slots=True)
class Operation:
    """One that takes a permission; ``besides`` are others it takes as well."""

    act: Act
    besides: frozenset[Permission] = field(default_factory=frozenset)


def _connect(caller: Caller, connector: str, config: dict[str, Any]) -> httpx.Response:
    body = {"connector": connector, "name": f"Source {uuid4()}", "config": config}
    return caller("POST", "/api/v1/connections", json=body)


def _invite(caller: Caller, role: str) -> httpx.Response:
    body = {"email": f"{uuid4().hex}@matrix.example", "role": role}
    return caller("POST", "/api/v1/invitations", json=body)


def _sync(caller: Caller, firm: Firm) -> httpx.Response:
    connection_id = seed_connection(firm.database, firm.owner.tenant)
    return caller("POST", f"/api/v1/connections/{connection_id}/sync")


OPERATIONS: dict[Permission, Operation] = {
    Permission.READ: Operation(lambda caller, _: caller("GET", "/api/v1/members")),
    Permission.SYNC_SOURCES: Operation(_sync),
    Permission.CONNECT_SOURCES: Operation(lambda caller, _: _connect(caller, "postgres", POSTGRES_CONFIG)),
    Permission.CONNECT_SERVER_FOLDERS: Operation(
        lambda caller, _: _connect(caller, "documents", {"path": "/srv/files"}),
        besides=frozenset({Permission.CONNECT_SOURCES}),
    ),
    Permission.INVITE_MEMBERS: Operation(lambda caller, _: _invite(caller, "VIEWER")),
    Permission.REMOVE_MEMBERS: Operation(
        lambda caller, firm: caller("DELETE", f"/api/v1/members/{id_of(firm.colleague())}")
    ),
    Permission.CHANGE_ROLES: Operation(
        lambda caller, firm: caller(
            "PATCH", f"/api/v1/members/{id_of(firm.colleague())}", json={"role": "VIEWER"}
        )
    ),
    Permission.MANAGE_OWNERS: Operation(
        lambda caller, _: _invite(caller, "OWNER"), besides=frozenset({Permission.INVITE_MEMBERS})
    ),
    Permission.LEAVE: Operation(lambda caller, _: caller("POST", "/api/v1/members/leave")),
    Permission.RECEIVE_REPORTS: Operation(
        lambda caller, _: caller("PUT", "/api/v1/reports/subscription", json={"period": "daily"})
    ),
    Permission.MANAGE_ORGANISATION: Operation(
        lambda caller, _: caller("PATCH", "/api/v1/organisation", json={"name": "Renamed"})
    ),
    Permission.MANAGE_POLICIES: Operation(lambda caller, _: caller("PUT", "/api/v1/policies", json=POLICIES)),
    Permission.READ_AUDIT: Operation(lambda caller, _: caller("GET", "/api/v1/audit")),
    Permission.MANAGE_OWN_KEYS: Operation(lambda caller, _: caller("GET", "/api/v1/keys")),
}

ELSEWHERE = {
    Permission.VIEW_PRIVATE_SOURCES: "no operation takes it; the test below asks for a private source as each role",
    Permission.SHARE_SOURCES: "comes with the sharing of sources",
    Permission.EXPORT: "comes with exports",
    Permission.ERASE: "comes with erasure",
}
"""Permissions without an operation here, and where they are held. Whoever adds the operation moves it up."""

SCOPE_SETS = [
    frozenset(scopes) for size in range(1, len(Scope) + 1) for scopes in itertools.combinations(Scope, size)
]


def test_every_permission_is_tried() -> None:
    """A new one cannot land without an operation that shows it holds."""
    assert OPERATIONS.keys() | ELSEWHERE.keys() == set(Permission)
    assert OPERATIONS.keys() & ELSEWHERE.keys() == set()


@pytest.mark.parametrize("permission", OPERATIONS)
@pytest.mark.parametrize("role", Role)
def test_a_role_does_what_its_column_says_and_nothing_else(
    firm: Firm, role: Role, permission: Permission
) -> None:
    operation = OPERATIONS[permission]
    answer = operation.act(firm.colleague(role), firm)
    _hold(answer, allowed={permission} | operation.besides <= MATRIX[role])


@pytest.mark.parametrize("permission", OPERATIONS)
@pytest.mark.parametrize("scopes", SCOPE_SETS, ids=lambda scopes: "+".join(sorted(scopes)))
def test_a_key_does_what_its_scopes_say_and_nothing_else(
    firm: Firm, scopes: frozenset[Scope], permission: Permission
) -> None:
    """Of an owner, so that only the scopes narrow it."""
    operation = OPERATIONS[permission]
    caller = firm.colleague(Role.OWNER)
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            update(api_key)
            .where(api_key.c.key_hash == hash_key(caller.tenant.key))
            .values(scopes=[scope.value for scope in scopes])
        )
    allowed = frozenset().union(*(SCOPES[scope] for scope in scopes)) & MATRIX[Role.OWNER]
    _hold(operation.act(caller, firm), allowed={permission} | operation.besides <= allowed)


@pytest.mark.parametrize("role", Role)
def test_a_private_source_is_its_owners_alone_whatever_the_others_are(firm: Firm, role: Role) -> None:
    """Owners of the organisation included: it answers them as one that does not exist."""
    body = {"connector": "postgres", "name": "Mine", "visibility": "PRIVATE", "config": POSTGRES_CONFIG}
    its_owner, caller = firm.colleague(Role.MEMBER), firm.colleague(role)
    connection_id = its_owner("POST", "/api/v1/connections", json=body).json()["id"]
    assert its_owner("GET", f"/api/v1/connections/{connection_id}").status_code == 200
    theirs = caller("GET", f"/api/v1/connections/{connection_id}")
    missing = caller("GET", f"/api/v1/connections/{uuid4()}")
    assert theirs.status_code == 404
    assert theirs.json() | {"request_id": ""} == missing.json() | {"request_id": ""}
    assert connection_id not in caller("GET", "/api/v1/connections").text


def _hold(answer: httpx.Response, *, allowed: bool) -> None:
    if allowed:
        assert answer.status_code in {200, 201, 202}, answer.text
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN"), answer.text
