"""A firm of a test's own: somebody with sources, and colleagues in every role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text, update
from starlette.testclient import TestClient

from resources.schema import app_user
from resources.tenancy import Role
from tests.api.conftest import Caller, colleague_of
from tests.api.seed import Seeded, seed_connection, seed_content
from tests.conftest import Database


@dataclass(frozen=True, slots=True)
class Firm:
    """``owner`` has a private and a shared source; ``head`` owns the firm too, and not those."""

    database: Database
    owner: Caller
    head: Caller
    member: Caller
    viewer: Caller
    private: Seeded
    shared: Seeded

    @property
    def org_id(self) -> UUID:
        return self.owner.tenant.principal.org_id

    @property
    def colleagues(self) -> tuple[Caller, ...]:
        return self.head, self.member, self.viewer

    def set_visibility(self, caller: Caller, connection_id: UUID, visibility: str) -> Any:
        path = f"/api/v1/connections/{connection_id}/visibility"
        return caller("POST", path, json={"visibility": visibility})

    def audited(self) -> list[Any]:
        """Action, subject, before and after of every entry, oldest first."""
        with self.database.worker.organisation(self.org_id) as session:
            rows = session.execute(
                text(
                    "SELECT action, subject_id, before, after, actor_id FROM audit_entry"
                    " WHERE org_id = :org ORDER BY sequence"
                ),
                {"org": self.org_id},
            )
            return [tuple(row) for row in rows]


def prove_address(database: Database, caller: Caller) -> str:
    """The caller's address, which from now on counts as shown to be theirs."""
    with database.worker.dispatch() as session:
        return session.execute(
            update(app_user)
            .where(app_user.c.id == caller.tenant.principal.user_id)
            .values(email_verified_at=text("now()"))
            .returning(app_user.c.email)
        ).scalar_one()


@pytest.fixture
def firm(client: TestClient, api_database: Database, newcomer: Callable[[], Caller]) -> Firm:
    """With content in both of the owner's sources."""
    head = newcomer()
    owner, member, viewer = (
        Caller(client, colleague_of(api_database, head.tenant, role))
        for role in (Role.MEMBER, Role.ADMIN, Role.VIEWER)
    )
    private = seed_connection(api_database, owner.tenant, "Private files", private=True)
    shared = seed_connection(api_database, owner.tenant, "Shared files")
    return Firm(
        api_database,
        owner,
        head,
        member,
        viewer,
        seed_content(api_database, owner.tenant, private, "private.pdf"),
        seed_content(api_database, owner.tenant, shared, "shared.pdf"),
    )
