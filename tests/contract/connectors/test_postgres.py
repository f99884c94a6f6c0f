"""The PostgreSQL connector keeps the contract, with a table that has a change time and one that has none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from drovi_assets.connectors.sources.postgres import Postgres, PostgresConfig, connector
from resources.embedded_postgres import EmbeddedPostgres
from tests.contract.connectors.suite import ConnectorContract

_TABLES = """
DROP TABLE IF EXISTS note, tariff;
CREATE TABLE note (id int PRIMARY KEY, body text, updated_at timestamp);
INSERT INTO note SELECT n, 'note n° ' || n, timestamp '2022-06-01' + n * interval '100 days' FROM generate_series(1, 14) n;
UPDATE note SET updated_at = NULL WHERE id = 5;
UPDATE note SET updated_at = 'infinity' WHERE id = 6;
UPDATE note SET updated_at = timestamp '2024-01-01' WHERE id IN (7, 8, 9, 10);
CREATE TABLE tariff (country text, year int, rate numeric, PRIMARY KEY (country, year));
INSERT INTO tariff SELECT 'pays, "' || n % 2, n, n FROM generate_series(1, 7) n;
"""


class Tables:
    """Two tables in the server's own database, three rows to a page."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._session = psycopg.connect(server.url("postgres", "superuser"), autocommit=True)
        self._session.execute(_TABLES)
        self._url: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(server.url("postgres", "superuser"))

    def connector(self) -> Postgres:
        config = {
            "host": self._url["host"],
            "port": self._url["port"],
            "database": "postgres",
            "user": self._url["user"],
            "reread_seconds": 0,
            "tables": [
                {"table": "note", "key": ["id"], "updated_at": "updated_at"},
                {"table": "tariff", "key": ["country", "year"]},
            ],
        }
        return Postgres(PostgresConfig.model_validate(config), {"password": self._url["password"]})

    def add(self) -> str:
        self._session.execute("INSERT INTO tariff VALUES ('new', 1, 1)")
        return '["new", 1]'

    def edit(self) -> str:
        self._session.execute("UPDATE note SET body = 'edited', updated_at = now() WHERE id = 2")
        return "2"

    def remove(self) -> str:
        self._session.execute("DELETE FROM note WHERE id = 3")
        return "3"

    def close(self) -> None:
        self._session.execute("DROP TABLE note, tariff")
        self._session.close()


class TestPostgres(ConnectorContract):
    @pytest.fixture
    def source(self, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
        monkeypatch.setattr(connector, "PAGE_ROWS", 3)
        tables = Tables(postgres)
        yield tables
        tables.close()
