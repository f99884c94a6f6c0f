"""Dagster's storage: its tables are made once, and only a process that asks all the time keeps its connections."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from drovi.dagster_storage import POOL, Storage
from resources.embedded_postgres import EmbeddedPostgres
from resources.settings import with_driver

BACKEND = text("SELECT pg_backend_pid()")


@pytest.fixture(scope="module")
def address(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database with Dagster's tables, made as the platform makes them."""
    administrator = postgres.url("postgres", "superuser")
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute("CREATE DATABASE dagster_tables")
    url = with_driver(postgres.url("dagster_tables", "superuser"), "psycopg2")
    environment = os.environ | {"DROVI_DAGSTER_STORAGE": url}
    for _ in range(2):  # the second time, nothing is left to do
        subprocess.run([sys.executable, "-m", "drovi.dagster_storage"], env=environment, check=True)
    yield url
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute("DROP DATABASE dagster_tables WITH (FORCE)")


def _backends(address: str) -> int:
    """How many server processes three uses in a row have."""
    config = {"postgres_url": address, "should_autocreate_tables": False}
    storage = Storage.from_config_value(None, config)
    seen = set()
    for _ in range(3):
        with storage.run_storage.connect() as connection:
            seen.add(connection.execute(BACKEND).scalar_one())
    return len(seen)


def test_the_tables_are_there_before_anything_asks(address: str) -> None:
    """Of all three kinds: runs, events, and what sensors did."""
    storage = Storage.from_config_value(None, {"postgres_url": address, "should_autocreate_tables": False})
    assert storage.run_storage.get_runs_count() == 0
    assert storage.event_log_storage.all_asset_keys() == []
    assert storage.schedule_storage.all_instigator_state() == []


def test_a_process_that_lives_keeps_its_connection(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by its environment; others let go of theirs after each use, or they would pile up."""
    assert _backends(address) == 3
    monkeypatch.setenv(POOL, "1")
    assert _backends(address) == 1
