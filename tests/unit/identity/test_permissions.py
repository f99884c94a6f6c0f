"""The permission matrix: every cell, as a person would read it in the guide."""

from __future__ import annotations

from uuid import uuid4

import pytest

from resources.permissions import MATRIX, SCOPES, Permission, Scope, may
from resources.tenancy import Credential, CredentialKind, Principal, Role

# Who may, from the issue: rows in the order of the roles OWNER, ADMIN, MEMBER, VIEWER.
EXPECTED = {
    Permission.READ: "yyyy",
    Permission.SYNC_SOURCES: "yyyn",
    Permission.CONNECT_SOURCES: "yyyn",
    Permission.CONNECT_SERVER_FOLDERS: "yynn",
    Permission.SHARE_SOURCES: "yyyn",
    Permission.VIEW_PRIVATE_SOURCES: "nnnn",
    Permission.INVITE_MEMBERS: "yynn",
    Permission.REMOVE_MEMBERS: "yynn",
    Permission.CHANGE_ROLES: "yynn",
    Permission.MANAGE_OWNERS: "ynnn",
    Permission.LEAVE: "yyyy",
    Permission.RECEIVE_REPORTS: "yyyy",
    Permission.EXPORT: "yynn",
    Permission.MANAGE_ORGANISATION: "yynn",
    Permission.MANAGE_POLICIES: "ynnn",
    Permission.ERASE: "ynnn",
    Permission.READ_AUDIT: "yynn",
    Permission.MANAGE_OWN_KEYS: "yyyy",
}


def _principal(role: Role, scopes: set[Scope] | None = None) -> Principal:
    credential = None
    if scopes is not None:
        credential = Credential(CredentialKind.API_KEY, uuid4(), "a@b.example", frozenset(scopes))
    return Principal(uuid4(), uuid4(), role, (), credential)


def test_every_permission_has_its_row() -> None:
    assert EXPECTED.keys() == set(Permission)


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_every_cell_of_the_matrix(role: Role, permission: Permission) -> None:
    column = list(Role).index(role)
    assert may(_principal(role), permission) == (EXPECTED[permission][column] == "y")


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("scope", Scope)
def test_a_key_narrows_its_owners_role_and_never_widens_it(scope: Scope, permission: Permission) -> None:
    for role in Role:
        allowed = permission in MATRIX[role] and permission in SCOPES[scope]
        assert may(_principal(role, {scope}), permission) == allowed


def test_all_scopes_together_are_the_whole_role() -> None:
    for role in Role:
        assert {one for one in Permission if may(_principal(role, set(Scope)), one)} == MATRIX[role]


def test_a_key_without_scopes_opens_nothing() -> None:
    assert not any(may(_principal(Role.OWNER, set()), permission) for permission in Permission)
