"""The catalogue of the migrated database, held against the rules in ``resources.schema``."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from resources.schema import metadata
from resources.schema.content import DEPENDENCIES
from resources.schema.security import (
    APP_ROLE,
    IDENTITY_ROLE,
    POLICY_EXCEPTIONS,
    WORKER_ROLE,
    policies,
)
from resources.settings import with_driver
from tests.conftest import Database


@pytest.fixture
def catalogue(database: Database):
    engine = create_engine(with_driver(database.urls.owner, "psycopg"))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _all(connection: Connection, statement: str) -> list[tuple]:
    return [tuple(row) for row in connection.execute(text(statement))]


def test_the_migrations_build_what_the_schema_says(catalogue: Connection) -> None:
    """Autogeneration finds nothing left to do."""
    assert compare_metadata(MigrationContext.configure(catalogue), metadata) == []


def test_the_planner_is_told_which_columns_follow_from_others(catalogue: Connection) -> None:
    """Autogeneration does not look at statistics."""
    found = _all(
        catalogue,
        "SELECT s.stxname, c.relname, a.attname FROM pg_statistic_ext s JOIN pg_class c ON c.oid = s.stxrelid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (s.stxkeys) WHERE s.stxkind = '{f}'",
    )
    assert set(found) == {
        (name, column.table.name, column.name) for name, columns in DEPENDENCIES.items() for column in columns
    }


def test_every_table_is_in_the_schema(catalogue: Connection) -> None:
    """And so has an access rule; that it is in force is a rule of its own (``rules.py``)."""
    tables = _all(
        catalogue,
        "SELECT relname FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'alembic_version'",
    )
    assert {name for (name,) in tables} == set(metadata.tables)


def test_every_policy_is_the_one_its_rule_asks_for(catalogue: Connection) -> None:
    """One policy for each role that may see a table, and no other; what they say is compared in ``rules.py``."""
    found = {
        (table, name, roles[0])
        for table, name, roles in _all(
            catalogue, "SELECT tablename, policyname, roles::text[] FROM pg_policies"
        )
    }
    wanted = {
        (policy.table, policy.name, policy.role)
        for table in metadata.tables.values()
        for policy in policies(table)
    }
    assert found == wanted


def test_predicates_read_the_settings_once_a_query(catalogue: Connection) -> None:
    """Each setting stands in a scalar sub-select, and no policy calls a function of ours per row."""
    predicates = _all(catalogue, "SELECT tablename, qual FROM pg_policies WHERE qual <> 'true'")
    assert predicates
    for table, predicate in predicates:
        assert predicate.count("current_setting") == predicate.count("SELECT (NULLIF(current_setting"), table


def test_no_role_of_ours_can_bypass_the_rules(catalogue: Connection) -> None:
    """Neither log-in role owns a table, is a superuser, or may bypass row-level security."""
    assert (
        _all(
            catalogue,
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'drovi%' AND (rolsuper OR rolbypassrls)",
        )
        == []
    )
    owners = {
        owner for (owner,) in _all(catalogue, "SELECT tableowner FROM pg_tables WHERE schemaname = 'public'")
    }
    assert not owners & {APP_ROLE, WORKER_ROLE, IDENTITY_ROLE}


@pytest.mark.parametrize(
    ("role", "listed"), [(APP_ROLE, "app"), (WORKER_ROLE, "worker"), (IDENTITY_ROLE, "identity")]
)
def test_a_role_holds_only_the_privileges_its_tables_name(
    catalogue: Connection, role: str, listed: str
) -> None:
    """Grants are data in the schema; nothing was granted beside it."""
    assert _grants(catalogue, role) == {
        name: set(table.info[listed].split(", "))
        for name, table in metadata.tables.items()
        if table.info[listed]
    }


def test_the_role_that_signs_people_in_sees_no_content(catalogue: Connection) -> None:
    """Not a table that carries an audience, not the name of a connection, and not what an event or an error says."""
    granted = _grants(catalogue, IDENTITY_ROLE)
    content = {name for name, table in metadata.tables.items() if "audience_id" in table.c}
    assert granted.keys() & (content - {"audience_member"}) == set()
    assert granted.keys() & {"connection", "job", "outbox", "event", "delayed_event", "dead_letter"} == set()
    assert (
        _column_grants(catalogue)
        & {
            (table, "SELECT", column)
            for table in ("job", "dead_letter")
            for column in ("result", "error_message", "payload", "headers", "key")
        }
        == set()
    )


def test_columns_are_granted_to_nobody_but_for_the_overview(catalogue: Connection) -> None:
    """What the administration sees of a table is data in the schema, column by column."""
    assert _column_grants(catalogue) == {
        (name, privilege, column)
        for name, table in metadata.tables.items()
        for privilege, columns in table.info["overview"].items()
        for column in columns
    }


def _column_grants(catalogue: Connection) -> set[tuple]:
    return set(
        _all(
            catalogue,
            "SELECT c.relname, a.privilege_type, t.attname FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid,"
            f" aclexplode(t.attacl) a WHERE c.relnamespace = 'public'::regnamespace"
            f" AND a.grantee = '{IDENTITY_ROLE}'::regrole",
        )
    )


def test_owners_of_definer_functions_hold_only_what_is_listed(catalogue: Connection) -> None:
    """An exception from the policies is data as well: its table, its privileges."""
    for role, tables in POLICY_EXCEPTIONS.items():
        assert _grants(catalogue, role) == {
            name: set(exempt.privileges.split(", ")) for name, exempt in tables.items()
        }


def _grants(catalogue: Connection, role: str) -> dict[str, set[str]]:
    """By table. The system's own list, not the information schema's: that shows what the asking role may see."""
    found: dict[str, set[str]] = {}
    for table, privilege in _all(
        catalogue,
        "SELECT c.relname, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a"
        f" WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.grantee = '{role}'::regrole",
    ):
        found.setdefault(table, set()).add(privilege)
    return found
