"""A source item's reference to its connection, held by triggers as a foreign key would hold it, whoever writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, create_engine, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from resources import audiences
from resources.embedded_postgres import EmbeddedPostgres
from resources.schema import connection, source_item
from resources.settings import with_driver
from tests.conftest import Database, Tenant, make_tenant

ITEM = {"stream": "files", "content_hash": b"x" * 32, "version": 1, "window": "2026-11", "payload": "{}"}


def connect(session: Connection, tenant: Tenant) -> UUID:
    return session.execute(
        insert(connection)
        .values(
            org_id=tenant.principal.org_id,
            audience_id=audiences.of_organisation(session, tenant.principal.org_id),
            owner_id=tenant.principal.user_id,
            connector="documents",
            name=str(uuid4()),
        )
        .returning(connection.c.id)
    ).scalar_one()


def add_items(session: Connection, tenant: Tenant, *connection_ids: UUID) -> None:
    session.execute(
        insert(source_item).values(
            [
                {
                    **ITEM,
                    "org_id": tenant.principal.org_id,
                    "audience_id": tenant.principal.audiences[0],
                    "connection_id": connection_id,
                    "provider_id": str(uuid4()),
                }
                for connection_id in connection_ids
            ]
        )
    )


def items(session: Connection, connection_id: UUID) -> int:
    mine = source_item.c.connection_id == connection_id
    return session.execute(select(func.count()).select_from(source_item).where(mine)).scalar_one()


@pytest.fixture
def org_id(tenant: Tenant) -> UUID:
    return tenant.principal.org_id


@pytest.fixture
def connection_id(database: Database, tenant: Tenant, org_id: UUID) -> UUID:
    """A connection with one item."""
    with database.worker.organisation(org_id) as session:
        found = connect(session, tenant)
        add_items(session, tenant, found)
    return found


@pytest.fixture
def superuser(postgres: EmbeddedPostgres, database: Database) -> Iterator[Connection]:
    """Past row-level security: what the policies would refuse first is left to the triggers."""
    name = database.urls.worker.rsplit("/", 1)[1]
    engine = create_engine(with_driver(postgres.url(name, "superuser"), "psycopg"))
    with engine.begin() as session:
        yield session
    engine.dispose()


def test_an_item_of_no_connection_is_refused(
    database: Database, tenant: Tenant, org_id: UUID, connection_id: UUID
) -> None:
    """One such item among good ones refuses the statement."""
    with (
        pytest.raises(IntegrityError, match="has no connection"),
        database.worker.organisation(org_id) as session,
    ):
        add_items(session, tenant, connection_id, uuid4(), connection_id)


def test_an_item_of_another_organisations_connection_is_refused(
    database: Database, tenant: Tenant, connection_id: UUID
) -> None:
    """Its id exists, and that makes no difference."""
    other = make_tenant(database, "Other")
    with (
        pytest.raises(IntegrityError, match="has no connection"),
        database.worker.organisation(other.principal.org_id) as session,
    ):
        add_items(session, other, connection_id)


@pytest.mark.parametrize("column", ["connection_id", "org_id"])
def test_an_item_stays_where_it_is(
    database: Database, org_id: UUID, connection_id: UUID, column: str
) -> None:
    """Neither its connection nor its organisation can be changed under it."""
    with (
        pytest.raises(IntegrityError, match="stays with its connection"),
        database.worker.organisation(org_id) as session,
    ):
        session.execute(update(source_item).values({column: uuid4()}))


def test_a_connection_takes_its_items_along(
    database: Database, tenant: Tenant, org_id: UUID, connection_id: UUID
) -> None:
    """And leaves those of others."""
    with database.worker.organisation(org_id) as session:
        other = connect(session, tenant)
        add_items(session, tenant, other)
        session.execute(delete(connection).where(connection.c.id == connection_id))
        assert (items(session, connection_id), items(session, other)) == (0, 1)


def test_an_organisation_takes_its_items_along(
    superuser: Connection, org_id: UUID, connection_id: UUID
) -> None:
    """Its deletion reaches connections by their foreign key, and items from there."""
    superuser.execute(text("DELETE FROM organisation WHERE id = :id"), {"id": org_id})
    assert items(superuser, connection_id) == 0


def test_items_go_with_a_connection_that_is_deleted_from_outside(
    database: Database, org_id: UUID, connection_id: UUID
) -> None:
    """A worker that acts for no organisation sees the connection and not its items: none is left behind."""
    with database.worker.dispatch() as session:
        session.execute(delete(connection).where(connection.c.id == connection_id))
    with database.worker.organisation(org_id) as session:
        assert items(session, connection_id) == 0


def test_a_connection_is_not_deleted_from_an_old_snapshot(superuser: Connection, connection_id: UUID) -> None:
    """It could hide items that have landed since."""
    superuser.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    with pytest.raises(DBAPIError, match="READ COMMITTED"):
        superuser.execute(delete(connection).where(connection.c.id == connection_id))


def test_connections_are_not_truncated(superuser: Connection) -> None:
    """``CASCADE`` would not reach the items."""
    with pytest.raises(DBAPIError, match="one by one"):
        superuser.execute(text("TRUNCATE connection CASCADE"))


def test_a_deletion_waits_for_items_that_are_landing(
    database: Database, tenant: Tenant, org_id: UUID, connection_id: UUID
) -> None:
    """It takes along what was not committed yet when it began."""

    def remove() -> None:
        with database.worker.organisation(org_id) as session:
            session.execute(delete(connection).where(connection.c.id == connection_id))

    remover = threading.Thread(target=remove)
    with database.worker.organisation(org_id) as session:
        add_items(session, tenant, connection_id)
        remover.start()
        wait_for_a_waiter(database)
    remover.join()
    with database.worker.organisation(org_id) as session:
        assert items(session, connection_id) == 0


def test_items_that_land_during_a_deletion_are_refused(
    database: Database, tenant: Tenant, org_id: UUID, connection_id: UUID
) -> None:
    """They wait for it, and find no connection."""
    refused: list[str] = []

    def land() -> None:
        try:
            with database.worker.organisation(org_id) as session:
                add_items(session, tenant, connection_id)
        except IntegrityError as error:
            refused.append(str(error))

    lander = threading.Thread(target=land)
    with database.worker.organisation(org_id) as session:
        session.execute(delete(connection).where(connection.c.id == connection_id))
        lander.start()
        wait_for_a_waiter(database)
    lander.join()
    assert "has no connection" in refused[0]
    with database.worker.organisation(org_id) as session:
        assert items(session, connection_id) == 0


def wait_for_a_waiter(database: Database) -> None:
    """Until some session waits for another's transaction."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
    deadline = time.monotonic() + 20
    with database.worker.dispatch() as session:
        while not session.execute(waiting).scalar_one():
            assert time.monotonic() < deadline
            time.sleep(0.01)
