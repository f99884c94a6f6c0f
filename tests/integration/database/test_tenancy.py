"""The boundary the database itself holds: organisations, audiences, and transactions that carry nothing over."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import ProgrammingError

from resources import audiences
from resources.errors import Unauthenticated
from resources.organisations import hash_key
from resources.schema import connection as connection_table
from resources.schema import record, source_item
from tests.conftest import Database, Tenant, make_tenant


def _connection(database: Database, tenant: Tenant, name: str, *, private: bool = False):
    principal = tenant.principal
    with database.worker.organisation(principal.org_id) as session:
        audience = (
            audiences.of_members(session, principal.org_id, [principal.user_id])
            if private
            else audiences.of_organisation(session, principal.org_id)
        )
        return session.execute(
            insert(connection_table)
            .values(
                org_id=principal.org_id,
                owner_id=principal.user_id,
                connector="documents",
                name=name,
                audience_id=audience,
            )
            .returning(connection_table.c.id, connection_table.c.audience_id)
        ).one()


def test_a_key_opens_a_transaction_as_its_owner(database: Database, tenant: Tenant) -> None:
    """Authentication and tenancy are one statement."""
    with database.app.authenticated(hash_key(tenant.key)) as (session, principal):
        assert principal == tenant.principal
        assert session.execute(text("SELECT count(*) FROM organisation")).scalar_one() == 1


def test_an_unknown_key_opens_nothing(database: Database) -> None:
    with pytest.raises(Unauthenticated), database.app.authenticated(hash_key("drovi_unknown")):
        pass


def test_another_organisations_rows_do_not_exist(database: Database, tenant: Tenant) -> None:
    """Row-level security answers a stranger with an empty table."""
    _connection(database, tenant, "files")
    other = make_tenant(database, "Dubois Audit")
    with database.app.acting_as(other.principal) as session:
        assert session.execute(select(connection_table)).all() == []
    with database.app.acting_as(tenant.principal) as session:
        assert len(session.execute(select(connection_table)).all()) == 1


def test_a_pooled_connection_carries_no_tenant_over(database: Database, tenant: Tenant) -> None:
    """Settings are transaction-local: the worker's next transaction sees no content until it names one."""
    row = _connection(database, tenant, "files")
    with database.worker.organisation(tenant.principal.org_id) as session:
        session.execute(
            insert(source_item).values(
                org_id=tenant.principal.org_id,
                audience_id=row.audience_id,
                connection_id=row.id,
                stream="files",
                provider_id="a",
                content_hash=b"x" * 32,
                version=1,
                window="2026-11",
                payload="{}",
            )
        )
    for _ in range(5):
        with database.worker.dispatch() as session:
            assert session.execute(select(source_item)).all() == []


def test_the_application_cannot_write_content(database: Database, tenant: Tenant) -> None:
    """People's requests read content; only pipelines write it."""
    with (
        database.app.acting_as(tenant.principal) as session,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        session.execute(insert(record).values(id=uuid4(), org_id=tenant.principal.org_id))


def test_an_intersection_of_audiences_never_widens(database: Database, tenant: Tenant) -> None:
    """Everyone with one owner is that owner; two owners with nobody in common are nobody."""
    org_id, user_id = tenant.principal.org_id, tenant.principal.user_id
    with database.worker.organisation(org_id) as session:
        everyone = audiences.of_organisation(session, org_id)
        own = audiences.of_members(session, org_id, [user_id])
        nobody = audiences.of_members(session, org_id, [])
        assert audiences.intersection(session, org_id, [everyone, own]) == own
        assert audiences.intersection(session, org_id, [everyone, everyone]) == everyone
        assert audiences.intersection(session, org_id, [own, nobody]) == nobody
