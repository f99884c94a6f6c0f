"""An organisation of a test's own, its people with their keys, and browsers for those who come by mail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from resources.tenancy import Role
from tests.api.auth.conftest import browser, letters, no_limits_left_over, person  # noqa: F401 - fixtures
from tests.api.conftest import Caller, colleague_of
from tests.conftest import Database


@dataclass(frozen=True, slots=True)
class Firm:
    """An organisation nobody else knows of, and its first owner."""

    owner: Caller
    database: Database
    client: TestClient

    @property
    def org_id(self) -> UUID:
        return self.owner.tenant.principal.org_id

    def colleague(self, role: Role = Role.MEMBER) -> Caller:
        """Another member, with a key of their own."""
        return Caller(self.client, colleague_of(self.database, self.owner.tenant, role))

    def audited(self, action: str) -> list[dict[str, Any]]:
        """The entries of an act, newest first."""
        answer = self.owner("GET", "/api/v1/audit", params={"action": action})
        return list(answer.json()["items"])

    def set_policies(self, **changed: Any) -> None:
        """Change some of the policies."""
        stands = self.owner("GET", "/api/v1/policies").json()
        answer = self.owner("PUT", "/api/v1/policies", json=stands | changed)
        assert answer.status_code == 200, answer.text


def id_of(caller: Caller) -> UUID:
    """Who the caller is."""
    return caller.tenant.principal.user_id


@pytest.fixture
def firm(newcomer: Callable[[], Caller], api_database: Database, client: TestClient) -> Firm:
    return Firm(newcomer(), api_database, client)
