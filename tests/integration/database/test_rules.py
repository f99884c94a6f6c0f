"""The rules of the catalogue hold, and a hole of each kind is seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text

from resources.settings import with_driver
from tests.conftest import Database
from tests.integration.database import rules

_DEFINER = "LANGUAGE sql STABLE SECURITY DEFINER"

HOLES = (
    ("a table without row-level security", rules.unforced_tables, "CREATE TABLE hole (org_id uuid)"),
    (
        "a table whose owner sees all of it",
        rules.unforced_tables,
        "CREATE TABLE hole (org_id uuid); ALTER TABLE hole ENABLE ROW LEVEL SECURITY",
    ),
    ("a table that lost it", rules.unforced_tables, "ALTER TABLE record NO FORCE ROW LEVEL SECURITY"),
    (
        "an unlisted definer function",
        rules.unlisted_definers,
        f"CREATE FUNCTION hole() RETURNS bigint {_DEFINER} AS 'SELECT count(*) FROM record'",
    ),
    (
        "a listed name with other arguments and another owner",
        rules.unlisted_definers,
        f"CREATE FUNCTION search_lexical() RETURNS bigint {_DEFINER} AS 'SELECT count(*) FROM record'",
    ),
    (
        "a definer function that looks names up where its caller says",
        rules.movable_search_paths,
        f"CREATE FUNCTION hole() RETURNS bigint {_DEFINER} SET search_path = public AS 'SELECT count(*) FROM record'",
    ),
    ("a view with its owner's rights", rules.open_views, "CREATE VIEW hole AS SELECT * FROM record"),
    ("a materialised view", rules.open_views, "CREATE MATERIALIZED VIEW hole AS SELECT * FROM record"),
    ("a table for everybody", rules.public_grants, "GRANT SELECT ON record TO PUBLIC"),
    ("a column for everybody", rules.public_grants, "GRANT SELECT (title) ON record TO PUBLIC"),
    (
        "a function for everybody",
        rules.public_functions,
        "CREATE FUNCTION hole() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM record'",
    ),
    (
        "a policy that lets the application see all",
        rules.policies_for_all,
        "CREATE POLICY hole ON record TO drovi_app USING (true)",
    ),
    (
        "a policy that lets the application write all",
        rules.policies_for_all,
        "CREATE POLICY hole ON connection TO drovi_app USING (false) WITH CHECK (true)",
    ),
    (
        "a policy for every role",
        rules.policies_for_all,
        "CREATE POLICY hole ON record USING (org_id IS NULL)",
    ),
    (
        "a policy that forgot its audiences",
        rules.altered_policies,
        "ALTER POLICY record_app ON record USING (org_id = (SELECT nullif(current_setting('drovi.org_id'), '')::uuid))",
    ),
    (
        "a policy that is gone",
        rules.altered_policies,
        "DROP POLICY record_app ON record",
    ),
    ("a table whose rows stay behind", rules.parentless_tables, "CREATE TABLE hole (org_id uuid NOT NULL)"),
    (
        "a table whose parent leaves it behind",
        rules.parentless_tables,
        "CREATE TABLE hole (org_id uuid NOT NULL REFERENCES organisation)",
    ),
)


@pytest.fixture
def catalogue(database: Database) -> Iterator[Connection]:
    engine = create_engine(with_driver(database.urls.owner, "psycopg"))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_no_rule_is_broken(catalogue: Connection) -> None:
    """Of the database that the migrations build."""
    assert {rule.__name__: found for rule in rules.RULES if (found := rule(catalogue))} == {}


@pytest.mark.parametrize(("rule", "hole"), [pytest.param(rule, hole, id=name) for name, rule, hole in HOLES])
def test_a_hole_is_seen(catalogue: Connection, rule: rules.Rule, hole: str) -> None:
    """By the rule that is there for it, which finds nothing before."""
    before = rule(catalogue)
    catalogue.execute(text(hole))
    assert before == []
    assert rule(catalogue)


def test_every_rule_is_tried() -> None:
    assert {rule for _, rule, _ in HOLES} == set(rules.RULES)
