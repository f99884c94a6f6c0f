"""One application on one real database for all API tests, and the callers every endpoint is tried with.

Tests share the database and keep apart by tenant: a test that counts makes a tenant of its own.
"""

from __future__ import annotations

import io
import itertools
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2 as httpx
import psycopg
import pytest
import structlog
from sqlalchemy import insert
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.runtime import ApiRuntime, Probe
from resources.database import AppDatabase, IdentityDatabase, WorkerDatabase
from resources.embedded_postgres import EmbeddedPostgres
from resources.identity import people
from resources.master_keys import MasterKeys
from resources.object_store import FolderStore
from resources.organisations import issue_api_key, principal_of
from resources.schema import app_user
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from resources.telemetry import configure_logging
from resources.tenancy import Role
from tests.api.seed import (
    Asked,
    Duties,
    Seeded,
    seed_asked,
    seed_connection,
    seed_content,
    seed_delivery,
    seed_duties,
    seed_intake,
    seed_job,
    seed_webhook,
)
from tests.conftest import Database, Tenant, make_tenant, urls_of
from tests.fakes.embedder import FakeEmbedder

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that shows one key with every request, or none."""

    http: TestClient
    tenant: Tenant | None

    def __call__(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = kwargs.pop("headers", {})
        if self.tenant is not None:
            headers = {"Authorization": f"Bearer {self.tenant.key}", **headers}
        return self.http.request(method, path, headers=headers, **kwargs)


@dataclass(frozen=True, slots=True)
class World:
    """What the owner's organisation holds: something shared, something private, a job; and what is there to go."""

    shared: Seeded
    private: Seeded
    job_id: UUID
    asked: Mapping[UUID, Asked]
    """By source, what was asked for of it."""
    spare_id: UUID
    """A connection that is there to be paused, resumed, taken back and disconnected."""
    private_spare_id: UUID
    colleague_id: UUID
    duties: Duties
    webhook_id: UUID
    spare_webhook_id: UUID
    """An endpoint that is there to be removed."""
    delivery_id: UUID


@pytest.fixture(scope="session")
def api_database(postgres: EmbeddedPostgres, template: str) -> Iterator[Database]:
    """The migrated database that API tests share."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE test_api TEMPLATE {template}")
    urls = urls_of(postgres, "test_api")
    app, worker = AppDatabase(urls.app), WorkerDatabase(urls.worker)
    identity = IdentityDatabase(urls.identity)
    yield Database(urls, app, worker, identity)
    for one in (app, worker, identity):
        one.close()


@pytest.fixture(scope="session")
def runtime(api_database: Database, tmp_path_factory: pytest.TempPathFactory) -> ApiRuntime:
    """What the application under test works with."""
    return make_runtime(api_database, tmp_path_factory.mktemp("secrets"))


def make_runtime(database: Database, home: Path) -> ApiRuntime:
    """What an application on ``database`` works with; its secrets are kept under ``home``."""
    return ApiRuntime(
        database=database.app,
        identity=database.identity,
        embedder=FakeEmbedder(),
        secrets=SecretBox(MasterKeys(SecretFile(home))),
        objects=FolderStore(home / "objects"),
        probes=(Probe("database", lambda: database.app.ping() or "answers"),),
        metrics_to_all=True,
        even_seconds=0.0,  # tests of time say otherwise
    )


@pytest.fixture(scope="session")
def client(runtime: ApiRuntime) -> Iterator[TestClient]:
    """The application, served in process."""
    with TestClient(create_app(runtime), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def stranger(client: TestClient) -> Caller:
    """Shows no key."""
    return Caller(client, None)


@pytest.fixture(scope="session")
def owner(client: TestClient, api_database: Database) -> Caller:
    """Owns the organisation that holds the world."""
    return Caller(client, make_tenant(api_database, "Cabinet Morel"))


@pytest.fixture(scope="session")
def other(client: TestClient, api_database: Database) -> Caller:
    """Owns another organisation."""
    return Caller(client, make_tenant(api_database, "Dubois Audit"))


@pytest.fixture(scope="session")
def viewer(client: TestClient, api_database: Database, owner: Caller) -> Caller:
    """May look at the owner's organisation, and change nothing."""
    return Caller(client, colleague_of(api_database, owner.tenant, Role.VIEWER))


@pytest.fixture(scope="session")
def member(client: TestClient, api_database: Database, owner: Caller) -> Caller:
    """Works in the owner's organisation."""
    return Caller(client, colleague_of(api_database, owner.tenant, Role.MEMBER))


@pytest.fixture(scope="session")
def world(api_database: Database, runtime: ApiRuntime, owner: Caller) -> World:
    """The owner's content."""
    return make_world(api_database, runtime, owner.tenant)


def make_world(database: Database, runtime: ApiRuntime, tenant: Tenant) -> World:
    """Content of a tenant's, with what every operation that names one thing is tried with."""
    shared = seed_connection(database, tenant, "Shared files")
    private = seed_connection(database, tenant, "Private files", private=True)
    for one in (shared, private):
        seed_intake(database, runtime.secrets, tenant, one)
    webhook_id = seed_webhook(database, runtime.secrets, tenant)
    return World(
        shared=seed_content(database, tenant, shared),
        private=seed_content(database, tenant, private, "private.pdf"),
        job_id=seed_job(database, tenant, shared),
        asked={one: seed_asked(database, tenant, one) for one in (shared, private)},
        spare_id=seed_connection(database, tenant, "Spare files"),
        private_spare_id=seed_connection(database, tenant, "Old private files", private=True),
        colleague_id=colleague_of(database, tenant, Role.MEMBER).principal.user_id,
        duties=seed_duties(database, runtime.objects, tenant, shared),
        webhook_id=webhook_id,
        spare_webhook_id=seed_webhook(database, runtime.secrets, tenant),
        delivery_id=seed_delivery(database, tenant, webhook_id),
    )


@pytest.fixture
def newcomer(client: TestClient, api_database: Database) -> Callable[[], Caller]:
    """Makes the owner of an organisation that holds nothing yet."""
    return lambda: Caller(client, make_tenant(api_database, f"Newcomer {next(_numbers)}"))


def colleague_of(database: Database, tenant: Tenant, role: Role) -> Tenant:
    """Another member of the tenant's organisation, with a key of their own."""
    org_id = tenant.principal.org_id
    email = f"{role.lower()}-{next(_numbers)}@colleagues.example"
    with database.worker.dispatch() as session:
        user_id = session.execute(
            insert(app_user).values(email=email, name=role.title()).returning(app_user.c.id)
        ).scalar_one()
    with database.worker.organisation(org_id) as session:
        people.join(session, org_id, user_id, role)
    principal = principal_of(database.worker, org_id, user_id)
    return Tenant(principal, issue_api_key(database.worker, principal, "test"))


@pytest.fixture
def json_log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the application logs during the test, parsed."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logging(stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()
