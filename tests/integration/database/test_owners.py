"""An organisation keeps an owner, and keys go with their owner's membership: whoever writes, however."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from resources.errors import Unauthenticated
from resources.organisations import hash_key
from tests.conftest import Database, Tenant

REMOVE = text("DELETE FROM membership WHERE user_id = :user")


def _add(session: Connection, org_id: UUID, role: str) -> UUID:
    added: UUID = session.execute(
        text(
            "WITH person AS (INSERT INTO app_user (email, name) VALUES (:email, 'Second') RETURNING id)"
            " INSERT INTO membership (org_id, user_id, role) SELECT :org, id, :role FROM person RETURNING user_id"
        ),
        {"email": f"{role.lower()}@firm.example", "org": org_id, "role": role},
    ).scalar_one()
    return added


def test_the_last_owner_can_neither_be_removed_nor_demoted(database: Database, tenant: Tenant) -> None:
    org_id, user = tenant.principal.org_id, {"user": tenant.principal.user_id}
    for statement in (REMOVE, text("UPDATE membership SET role = 'ADMIN' WHERE user_id = :user")):
        with (
            pytest.raises(IntegrityError, match="no owner is left"),
            database.worker.organisation(org_id) as session,
        ):
            session.execute(statement, user)


def test_ownership_is_handed_over_in_either_order(database: Database, tenant: Tenant) -> None:
    """What counts is how the transaction leaves it."""
    with database.worker.organisation(tenant.principal.org_id) as session:
        session.execute(REMOVE, {"user": tenant.principal.user_id})
        _add(session, tenant.principal.org_id, "OWNER")


def test_of_two_owners_removed_at_once_one_stays(database: Database, tenant: Tenant) -> None:
    """By transactions that cannot see each other: the second to end waits for the first, and is refused."""
    org_id = tenant.principal.org_id
    with database.worker.organisation(org_id) as session:
        owners = [tenant.principal.user_id, _add(session, org_id, "OWNER")]
    both = threading.Barrier(2)

    def remove(user_id: UUID) -> str:
        try:
            with database.worker.organisation(org_id) as session:
                session.execute(REMOVE, {"user": user_id})
                both.wait(timeout=30)
        except IntegrityError:
            return "refused"
        return "removed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, owners)) == ["refused", "removed"]


def test_an_organisation_takes_its_owners_along(database: Database, tenant: Tenant) -> None:
    with database.worker.dispatch() as session:
        session.execute(text("DELETE FROM organisation WHERE id = :id"), {"id": tenant.principal.org_id})
        assert session.execute(text("SELECT count(*) FROM organisation")).scalar_one() == 0


def test_a_person_who_is_erased_takes_their_membership_along(database: Database, tenant: Tenant) -> None:
    org_id = tenant.principal.org_id
    with database.worker.organisation(org_id) as session:
        _add(session, org_id, "OWNER")
    with database.worker.dispatch() as session:
        session.execute(text("DELETE FROM app_user WHERE id = :id"), {"id": tenant.principal.user_id})
    with database.worker.organisation(org_id) as session:
        assert session.execute(text("SELECT count(*) FROM membership")).scalar_one() == 1


def test_keys_go_with_the_membership(database: Database, tenant: Tenant) -> None:
    """One who comes back finds no old key alive."""
    org_id, user_id = tenant.principal.org_id, tenant.principal.user_id
    with database.worker.organisation(org_id) as session:
        _add(session, org_id, "OWNER")
        session.execute(REMOVE, {"user": user_id})
    with database.worker.organisation(org_id) as session:
        session.execute(
            text("INSERT INTO membership (org_id, user_id, role) VALUES (:org, :user, 'MEMBER')"),
            {"org": org_id, "user": user_id},
        )
    with pytest.raises(Unauthenticated), database.app.authenticated(hash_key(tenant.key)):
        pass
