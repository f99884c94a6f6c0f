"""Who is in an audience: of people, of a source, of several at once; and what older rows become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, delete, insert, select, update

from resources import audiences
from resources.embedded_postgres import EmbeddedPostgres
from resources.migrate import alembic_config
from resources.organisations import principal_of
from resources.schema import app_user, membership
from resources.schema import connection as connection_table
from resources.settings import with_driver
from tests.conftest import Database, Tenant


@pytest.fixture
def colleague(database: Database, tenant: Tenant) -> UUID:
    """Another member, whose address is proven."""
    with database.worker.dispatch() as session:
        user_id: UUID = session.execute(
            insert(app_user)
            .values(email="colleague@firm.example", name="C", email_verified_at="2026-01-01T00:00:00Z")
            .returning(app_user.c.id)
        ).scalar_one()
    with database.worker.organisation(tenant.principal.org_id) as session:
        session.execute(
            insert(membership).values(org_id=tenant.principal.org_id, user_id=user_id, role="MEMBER")
        )
    return user_id


@pytest.fixture
def connect(database: Database, tenant: Tenant) -> Callable[[str], tuple[UUID, UUID]]:
    """Makes a connection of the owner's; its id and its audience's."""

    def make(visibility: str) -> tuple[UUID, UUID]:
        principal, audience_id = tenant.principal, uuid4()
        with database.worker.organisation(principal.org_id) as session:
            connection_id = session.execute(
                insert(connection_table)
                .values(
                    org_id=principal.org_id,
                    owner_id=principal.user_id,
                    connector="documents",
                    name=str(uuid4()),
                    visibility=visibility,
                    audience_id=audience_id,
                )
                .returning(connection_table.c.id)
            ).scalar_one()
            audiences.found(session, principal.org_id, connection_id, audience_id)
        return connection_id, audience_id

    return make


def _in(database: Database, tenant: Tenant, user_id: UUID) -> set[UUID]:
    return set(principal_of(database.worker, tenant.principal.org_id, user_id).audiences)


def test_a_sources_audience_is_made_once(database: Database, tenant: Tenant, connect: Any) -> None:
    connection_id, audience_id = connect("PRIVATE")
    org_id = tenant.principal.org_id
    with database.worker.organisation(org_id) as session:
        assert audiences.of_source(session, org_id, connection_id) == audience_id
        first, same, other = (
            audiences.of_source(session, org_id, connection_id, readers)
            for readers in (["a@x.example", "b@x.example"], {"b@x.example", "a@x.example"}, ["a@x.example"])
        )
    assert first == same
    assert len({audience_id, first, other}) == 3


def test_who_is_in_a_sources_audience_follows_the_source(
    database: Database, tenant: Tenant, colleague: UUID, connect: Any
) -> None:
    connection_id, audience_id = connect("PRIVATE")
    owner = tenant.principal.user_id
    for visibility, readers in (
        ("PRIVATE", {owner}),
        ("ORG_SHARED", {owner, colleague}),
        ("PRIVATE", {owner}),
    ):
        with database.worker.dispatch() as session:
            session.execute(
                update(connection_table)
                .where(connection_table.c.id == connection_id)
                .values(visibility=visibility)
            )
        assert {one for one in (owner, colleague) if audience_id in _in(database, tenant, one)} == readers


def test_readers_are_in_it_by_their_proven_address_and_never_past_the_source(
    database: Database, tenant: Tenant, colleague: UUID, connect: Any
) -> None:
    org_id = tenant.principal.org_id
    for visibility, expected in (("ORG_SHARED", True), ("PRIVATE", False)):
        connection_id, _ = connect(visibility)
        with database.worker.organisation(org_id) as session:
            named = audiences.of_source(session, org_id, connection_id, ["colleague@firm.example"])
        assert (named in _in(database, tenant, colleague)) is expected
        assert named not in _in(database, tenant, tenant.principal.user_id)


def test_who_is_no_member_is_in_none(
    database: Database, tenant: Tenant, colleague: UUID, connect: Any
) -> None:
    connect("ORG_SHARED")
    org_id = tenant.principal.org_id
    principal = principal_of(database.worker, org_id, colleague)
    with database.worker.organisation(org_id) as session:
        session.execute(delete(membership).where(membership.c.user_id == colleague))
    with database.app.acting_as(principal) as session:
        assert session.execute(select(connection_table)).all() == []


def test_what_rests_on_two_sources_is_for_those_who_see_both(
    database: Database, tenant: Tenant, colleague: UUID, connect: Any
) -> None:
    """Now and later: taking one back, or losing it, closes what was derived from both."""
    org_id, owner = tenant.principal.org_id, tenant.principal.user_id
    (first, one), (second, other) = connect("ORG_SHARED"), connect("ORG_SHARED")
    with database.worker.organisation(org_id) as session:
        everyone = audiences.of_organisation(session, org_id)
        both = audiences.intersection(session, org_id, [one, other, everyone])
        assert audiences.intersection(session, org_id, [both, one]) == both
        assert audiences.intersection(session, org_id, [one, everyone]) == one
        assert audiences.intersection(session, org_id, [other, one]) == both
        narrowed = audiences.intersection(
            session, org_id, [both, audiences.of_members(session, org_id, [owner])]
        )
    assert both in _in(database, tenant, colleague)
    assert narrowed in _in(database, tenant, owner)
    assert narrowed not in _in(database, tenant, colleague)
    with database.worker.dispatch() as session:
        session.execute(
            update(connection_table).where(connection_table.c.id == first).values(visibility="PRIVATE")
        )
    assert both not in _in(database, tenant, colleague)
    assert both in _in(database, tenant, owner)
    with database.worker.organisation(org_id) as session:
        session.execute(delete(connection_table).where(connection_table.c.id == second))
    assert both not in _in(database, tenant, owner)


def test_rows_from_before_point_at_their_source_afterwards(postgres: EmbeddedPostgres) -> None:
    """The migration moves each row, readers that were resolved included, and widens none."""
    name = "test_rescoped"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    owner_url = postgres.url(name, "owner")
    engine = create_engine(with_driver(owner_url, "psycopg"))
    with engine.begin() as connection:
        config = alembic_config(connection)
        before = ScriptDirectory.from_config(config).get_revision("0007").down_revision
        command.upgrade(config, str(before))
    with psycopg.connect(postgres.url(name, "superuser"), autocommit=True) as connection:
        connection.execute(_OLD_ROWS)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0007")
    engine.dispose()
    with psycopg.connect(postgres.url(name, "superuser")) as connection:
        readers = connection.execute(
            "SELECT c.name, i.provider_id, i.audience_id = c.audience_id, i.audience_id = r.audience_id,"
            " ARRAY(SELECT m.email FROM reader_set_member m WHERE m.reader_set_id = a.reader_set_id)"
            " FROM source_item i JOIN connection c ON c.id = i.connection_id JOIN audience a ON a.id = i.audience_id"
            " JOIN record r ON r.source_item_id = i.id WHERE a.connection_id = c.id ORDER BY 1, 2"
        ).fetchall()
        unforced = connection.execute(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity"
        ).fetchall()
        told = connection.execute("SELECT count(*) FROM connection_event").fetchone()
    assert readers == [
        ("mine", "a", True, True, []),
        ("ours", "a", True, True, []),
        ("ours", "b", False, True, ["anne@firm.example"]),
    ]
    assert unforced == []
    assert told == (2,)


_OLD_ROWS = """
INSERT INTO organisation (id, name, slug) VALUES ('00000000-0000-4000-8000-000000000001', 'Firm', 'firm');
INSERT INTO app_user (id, email, name) VALUES ('00000000-0000-4000-8000-000000000002', 'anne@firm.example', 'Anne');
INSERT INTO term_stat (org_id, term, chunks) VALUES ('00000000-0000-4000-8000-000000000001', 7, 1);
INSERT INTO audience (id, org_id, kind, member_key) VALUES
    ('00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-000000000001', 'organisation', '*'),
    ('00000000-0000-4000-8000-00000000000b', '00000000-0000-4000-8000-000000000001', 'owner', 'anne');
INSERT INTO audience_member VALUES ('00000000-0000-4000-8000-000000000001',
    '00000000-0000-4000-8000-00000000000b', '00000000-0000-4000-8000-000000000002');
INSERT INTO connection (org_id, owner_id, connector, name, visibility, audience_id)
SELECT '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', 'documents', name, visibility,
       audience::uuid
FROM (VALUES ('ours', 'ORG_SHARED', '00000000-0000-4000-8000-00000000000a'),
             ('mine', 'PRIVATE', '00000000-0000-4000-8000-00000000000b')) AS made (name, visibility, audience);
INSERT INTO source_item (org_id, audience_id, connection_id, stream, provider_id, content_hash, version, "window", payload)
SELECT c.org_id, coalesce(item.audience::uuid, c.audience_id), c.id, 'files', item.id, decode('00', 'hex'), 1, '2026', '{}'
FROM connection c, (VALUES ('a', NULL), ('b', '00000000-0000-4000-8000-00000000000b')) AS item (id, audience)
WHERE c.name = 'ours' OR item.id = 'a';
INSERT INTO record (id, org_id, audience_id, connection_id, source_item_id, kind, path, normaliser_version)
SELECT id, org_id, audience_id, connection_id, id, 'document', provider_id, '1' FROM source_item;
"""
