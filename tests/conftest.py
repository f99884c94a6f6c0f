"""Fixtures every tier shares: one real Postgres a session, a fresh migrated database a test."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from resources.database import AppDatabase, IdentityDatabase, WorkerDatabase
from resources.embedded_postgres import EmbeddedPostgres
from resources.migrate import migrate
from resources.organisations import ensure_organisation, issue_api_key
from resources.settings import OWNER_ROLE, DatabaseUrls
from resources.tenancy import Principal

REPOSITORY = Path(__file__).parent.parent
SHARED = REPOSITORY.parent / "shared"

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of a test's own, and the ways into it."""

    urls: DatabaseUrls
    app: AppDatabase
    worker: WorkerDatabase
    identity: IdentityDatabase


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation's owner, and an API key of theirs."""

    principal: Principal
    key: str


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Unit tests may not open sockets; every other tier talks to loopback."""
    for item in items:
        if "unit" in item.path.relative_to(REPOSITORY / "tests").parts[:1]:
            item.add_marker(pytest.mark.disable_socket)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One embedded server for the whole session, in a folder that its unprivileged user can reach."""
    with tempfile.TemporaryDirectory(prefix="drovi-test-") as folder:
        Path(folder).chmod(0o755)
        with EmbeddedPostgres(Path(folder)) as server:
            yield server


def urls_of(server: EmbeddedPostgres, name: str) -> DatabaseUrls:
    """Every role's address of one database of the test server."""
    return DatabaseUrls(
        owner=server.url(name, "owner"),
        app=server.url(name, "app"),
        worker=server.url(name, "worker"),
        identity=server.url(name, "identity"),
        dagster=server.url("dagster", "owner"),
    )


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """The name of a migrated database that each test's own is copied from."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE drovi_template")
    migrate(urls_of(postgres, "drovi_template"), passwords={})
    return "drovi_template"


@pytest.fixture
def database(postgres: EmbeddedPostgres, template: str) -> Iterator[Database]:
    """A fresh migrated database."""
    name = f"test_{next(_numbers)}"
    # As the superuser: a session that a test left open must not keep its database alive.
    administrator = postgres.url("postgres", "superuser")
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER_ROLE}")
    urls = urls_of(postgres, name)
    app, worker = AppDatabase(urls.app), WorkerDatabase(urls.worker)
    identity = IdentityDatabase(urls.identity)
    yield Database(urls, app, worker, identity)
    for one in (app, worker, identity):
        one.close()
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def tenant(database: Database) -> Tenant:
    """The first organisation and its owner."""
    return make_tenant(database, "Cabinet Morel")


def make_tenant(database: Database, name: str) -> Tenant:
    """Another organisation, with an owner and a key of its own."""
    principal = ensure_organisation(
        database.worker, name, f"owner@{name.lower().replace(' ', '-')}.example", "Owner"
    )
    return Tenant(principal, issue_api_key(database.worker, principal, "test"))
