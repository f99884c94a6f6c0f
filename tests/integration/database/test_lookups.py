"""Queries that the driver answers give what SQLAlchemy would, under the same rules."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import bindparam, func, insert, select

from resources.database import Lookup
from resources.errors import TimedOut
from resources.schema import app_user, connection, organisation
from tests.conftest import Database, Tenant, make_tenant

_QUERY = (
    select(connection, app_user.c.name.label("owner_name"))
    .outerjoin_from(connection, app_user, app_user.c.id == connection.c.owner_id)
    .where(connection.c.status != "erasing", connection.c.id == bindparam("connection_id"))
)


@pytest.fixture
def connection_id(database: Database, tenant: Tenant) -> UUID:
    with database.worker.organisation(tenant.principal.org_id) as session:
        made: UUID = session.execute(
            insert(connection)
            .values(
                org_id=tenant.principal.org_id,
                owner_id=tenant.principal.user_id,
                audience_id=tenant.principal.audiences[0],
                connector="documents",
                name=str(uuid4()),
                config={"folder": "/srv", "depth": [1, None]},
            )
            .returning(connection.c.id)
        ).scalar_one()
    return made


def test_a_row_is_the_one_that_sqlalchemy_brings(
    database: Database, tenant: Tenant, connection_id: UUID
) -> None:
    """Names, order and types: ids, moments, JSON, and what was never set."""
    with database.app.acting_as(tenant.principal) as session:
        (row,) = Lookup(_QUERY).rows(session, connection_id=connection_id)
        expected = session.execute(_QUERY, {"connection_id": connection_id}).one()
    assert row._asdict() == expected._asdict()
    assert [type(value) for value in row] == [type(value) for value in expected]


def test_another_organisation_finds_nothing(database: Database, tenant: Tenant, connection_id: UUID) -> None:
    with database.app.acting_as(make_tenant(database, "Another").principal) as session:
        assert Lookup(_QUERY).rows(session, connection_id=connection_id) == []


def test_nothing_is_seen_before_a_transaction_names_its_caller(
    database: Database, tenant: Tenant, connection_id: UUID
) -> None:
    """A connection of the pool carries nothing over from the look-up before."""
    lookup = Lookup(_QUERY)
    with database.app.acting_as(tenant.principal) as session:
        assert lookup.rows(session, connection_id=connection_id)
    with database.app._engine.begin() as session:
        assert lookup.rows(session, connection_id=connection_id) == []


def test_one_that_takes_too_long_is_said_to(database: Database, tenant: Tenant) -> None:
    """In the error tree's words, as any other query."""
    slow = Lookup(select(organisation.c.id).where(func.pg_sleep(5).is_not(None)))
    with database.app.acting_as(tenant.principal) as session:
        session.exec_driver_sql("SET LOCAL statement_timeout = 50")
        with pytest.raises(TimedOut):
            slow.rows(session)
