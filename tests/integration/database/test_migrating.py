"""A migration beside running code: it does not queue everybody up behind a table that it cannot have."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine

from resources import migrate as migrating
from resources.embedded_postgres import EmbeddedPostgres
from resources.errors import Transient
from resources.migrate import alembic_config, migrate
from resources.settings import DatabaseUrls, with_driver
from tests.conftest import urls_of

BEFORE = "0007"
"""The revision after it alters ``job``."""


@pytest.fixture
def older(postgres: EmbeddedPostgres) -> Iterator[DatabaseUrls]:
    """A database that an older version left behind."""
    administrator = postgres.url("postgres", "superuser")
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE older")
    urls = urls_of(postgres, "older")
    engine = create_engine(with_driver(urls.owner, "psycopg"))
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), BEFORE)
    engine.dispose()
    yield urls
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute("DROP DATABASE older WITH (FORCE)")


def test_a_table_in_use_stops_the_migration_and_not_the_platform(
    older: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives up soon, changes nothing, says what to do, and comes through when the table is free."""
    monkeypatch.setattr(migrating, "LOCK_SECONDS", 0.2)
    with psycopg.connect(older.owner) as reader:
        reader.execute("SELECT FROM job")
        with pytest.raises(Transient, match=r"drovi migrate"):
            migrate(older, passwords={})
        assert reader.execute("SELECT version_num FROM alembic_version").fetchone() == (BEFORE,)
    assert migrate(older, passwords={}) > BEFORE
