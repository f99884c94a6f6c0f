"""A real database, synced: every row, every change, every deletion; and what it does when the source misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from drovi_assets.connectors import runner
from drovi_assets.connectors.sources.postgres import connector
from resources.embedded_postgres import EmbeddedPostgres
from resources.errors import CredentialExpired, NeedsPerson, NotConfigured, PermissionMissing, ProviderDown
from tests.integration.connectors.conftest import Bench

SOURCE = """
CREATE TABLE invoice (
    id bigint PRIMARY KEY, client text, amount numeric(12, 2), note text, updated_at timestamptz, paid boolean
);
INSERT INTO invoice
SELECT n, 'client ' || n % 7, n * 1.01, E'ligne \\u00e9 "' || n, timestamptz '2023-11-01' + n * interval '5 days', n % 2 = 0
FROM generate_series(1, 200) n;
UPDATE invoice SET updated_at = NULL WHERE id % 50 = 0;
CREATE TABLE rate (country text, day date, value numeric, PRIMARY KEY (country, day));
INSERT INTO rate SELECT 'F"R,' || n % 3, date '2024-01-01' + n, n FROM generate_series(1, 30) n;
"""


@pytest.fixture
def source(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection[Any]]:
    """The source database, as its administrator."""
    with psycopg.connect(postgres.url("postgres", "superuser"), autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS a_source WITH (FORCE)")
        admin.execute("CREATE DATABASE a_source")
        admin.execute("DROP ROLE IF EXISTS reader")
        admin.execute("CREATE ROLE reader LOGIN PASSWORD 'right'")
    with psycopg.connect(postgres.url("a_source", "superuser"), autocommit=True) as connection:
        connection.execute(SOURCE)
        connection.execute("GRANT SELECT ON invoice, rate TO reader")
        yield connection
    with psycopg.connect(postgres.url("postgres", "superuser"), autocommit=True) as admin:
        admin.execute("DROP DATABASE a_source WITH (FORCE)")
        admin.execute("DROP ROLE reader")


def link(bench: Bench, postgres: EmbeddedPostgres, *, password: str = "right", **changes: Any) -> UUID:
    tables = [
        {"table": "invoice", "key": ["id"], "updated_at": "updated_at"},
        {"table": "rate", "key": ["country", "day"]},
    ]
    config = {
        "host": "127.0.0.1",
        "port": postgres.port,
        "database": "a_source",
        "user": "reader",
        "tables": tables,
        "reread_seconds": 0,
        **changes,
    }
    return bench.connect("postgres", config, {"password": password})


def test_every_row_lands_once_and_changes_follow(
    bench: Bench, postgres: EmbeddedPostgres, source: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """History by windows, then inserts, updates, deletions and rows without a time; payloads as the server wrote them."""
    monkeypatch.setattr(connector, "PAGE_ROWS", 7)
    connection_id = link(bench, postgres)
    names = [window.name for _, window in runner.windows(bench.runtime, connection_id)]
    assert "undated" in names
    assert "2023" in names
    report = runner.backfill(bench.runtime, connection_id)
    assert report.landed.new == 230
    current = bench.current(connection_id)
    assert current["12"]["note"] == 'ligne é "12'
    assert current["12"]["amount"] == 12.12
    assert '["F\\"R,1", "2024-01-02"]' in current

    source.execute("INSERT INTO invoice VALUES (1001, 'new', 1, 'n', now(), true)")
    source.execute("UPDATE invoice SET note = 'edited', updated_at = now() WHERE id = 3")
    source.execute("DELETE FROM invoice WHERE id = 4")
    source.execute("UPDATE rate SET value = 99 WHERE country LIKE '%1' AND day = '2024-01-02'")
    report = runner.sync(bench.runtime, connection_id, sweep=True)
    assert (report.landed.new, report.landed.changed, report.deleted) == (1, 2, 1)
    current = bench.current(connection_id)
    assert current["3"]["note"] == "edited"
    assert "4" not in current
    assert current['["F\\"R,1", "2024-01-02"]']["value"] == 99
    report = runner.sync(bench.runtime, connection_id, sweep=True)
    assert (report.landed.new, report.landed.changed, report.deleted) == (0, 0, 0)


def test_a_row_that_commits_late_is_not_missed(
    bench: Bench, postgres: EmbeddedPostgres, source: psycopg.Connection[Any]
) -> None:
    """Its change time is older than rows that were read already: the overlap reads it."""
    connection_id = link(bench, postgres)
    runner.backfill(bench.runtime, connection_id)
    with psycopg.connect(postgres.url("a_source", "superuser")) as slow:
        slow.execute("INSERT INTO invoice VALUES (2001, 'slow', 1, 'n', now(), true)")
        source.execute("INSERT INTO invoice VALUES (2002, 'fast', 1, 'n', clock_timestamp(), true)")
        assert runner.sync(bench.runtime, connection_id).landed.new == 1
    assert runner.sync(bench.runtime, connection_id).landed.new == 1


def test_a_database_that_goes_away_in_mid_read_loses_and_doubles_nothing(
    bench: Bench, postgres: EmbeddedPostgres, source: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sessions are terminated between pages, twice: the read goes on behind the last committed page."""
    monkeypatch.setattr(connector, "PAGE_ROWS", 20)
    made = connector._page
    pages = 0
    superuser = psycopg.connect(postgres.url("postgres", "superuser"), autocommit=True)

    def terminated_now_and_then(*args: Any, **kwargs: Any) -> Any:
        nonlocal pages
        pages += 1
        if pages in {3, 6}:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'"
            )
        return made(*args, **kwargs)

    monkeypatch.setattr(connector, "_page", terminated_now_and_then)
    connection_id = link(bench, postgres)
    with superuser:
        report = runner.backfill(bench.runtime, connection_id)
    assert pages > 6
    assert (report.landed.new, report.landed.changed) == (230, 0)


def test_a_column_that_changes_its_type_stops_the_table(
    bench: Bench, postgres: EmbeddedPostgres, source: psycopg.Connection[Any]
) -> None:
    """Additive changes are taken as they come; a key that becomes text is for a person, by name."""
    connection_id = link(bench, postgres)
    runner.backfill(bench.runtime, connection_id)
    source.execute("ALTER TABLE invoice ADD COLUMN currency text DEFAULT 'EUR'")
    source.execute("UPDATE invoice SET updated_at = now() WHERE id = 5")
    runner.sync(bench.runtime, connection_id)
    assert bench.current(connection_id)["5"]["currency"] == "EUR"
    source.execute("ALTER TABLE invoice ALTER COLUMN id TYPE text")
    with pytest.raises(NeedsPerson, match=r"id of public\.invoice changed from bigint to text"):
        runner.sync(bench.runtime, connection_id)
    assert bench.row(connection_id).status == "needs_person"


@pytest.mark.parametrize(
    "fault",
    [
        ("ALTER TABLE invoice DROP COLUMN updated_at", {}, NotConfigured, "updated_at"),
        ("REVOKE SELECT ON invoice FROM reader", {}, PermissionMissing, "public.invoice"),
        ("DROP TABLE rate", {}, PermissionMissing, "public.rate"),
        ("SELECT 1", {"password": "wrong"}, CredentialExpired, "refuses"),
        ("SELECT 1", {"database": "elsewhere"}, NotConfigured, "does not exist"),
        ("SELECT 1", {"tables": [{"table": "rate", "key": ["country"]}]}, NotConfigured, "unique key"),
    ],
)
def test_faults_of_a_source_name_their_remedy(
    bench: Bench,
    postgres: EmbeddedPostgres,
    source: psycopg.Connection[Any],
    fault: tuple[str, dict[str, Any], type[Exception], str],
) -> None:
    """Each goes to a person, in the words of what is wrong."""
    sabotage, changes, error, words = fault
    source.execute(sabotage)
    connection_id = link(bench, postgres, **changes)
    with pytest.raises(error, match=words):
        runner.check(bench.runtime, connection_id)
    assert bench.row(connection_id).status == "needs_person"


def test_a_database_that_is_down_is_tried_again(bench: Bench, postgres: EmbeddedPostgres) -> None:
    """Nobody listens there: transient, and the connection stays active."""
    connection_id = link(bench, postgres, port=1)
    with pytest.raises(ProviderDown):
        runner.sync(bench.runtime, connection_id)
    assert bench.row(connection_id).status == "active"


def test_a_connection_without_its_password_says_so(bench: Bench, postgres: EmbeddedPostgres) -> None:
    """Not configured, by the name of what is missing."""
    connection_id = bench.connect(
        "postgres",
        {"host": "h", "database": "d", "user": "u", "tables": [{"table": "t", "key": ["id"]}]},
    )
    with pytest.raises(NotConfigured, match="no password was given"):
        runner.check(bench.runtime, connection_id)
