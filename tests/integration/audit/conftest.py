"""A chain with a few entries, its object store, and a superuser to tamper with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from resources.audit import Action, Actor, ActorKind, Report, anchor, record, verify
from resources.database import WorkerDatabase
from resources.embedded_postgres import EmbeddedPostgres
from resources.object_store import FolderStore
from tests.conftest import Database, Tenant

ALICE = Actor(ActorKind.USER, "7f1c", "alice@morel.example", "192.0.2.7")


@dataclass(frozen=True)
class Chain:
    """An organisation's chain, as the platform and as its enemies see it."""

    org_id: UUID
    database: WorkerDatabase
    store: FolderStore
    folder: Path
    superuser: str

    def append(self, count: int = 1) -> None:
        with self.database.organisation(self.org_id) as connection:
            for number in range(count):
                record(
                    connection,
                    ALICE,
                    Action.MEMBER_ROLE_CHANGED,
                    "member",
                    f"m{number}",
                    before={"role": "MEMBER"},
                    after={"role": "ADMIN", "note": "éà “x”", "n": 1.50},
                    request_id="request-1",
                )

    def anchor(self) -> int:
        return anchor(self.database, self.store)

    def anchor_an_hour_later(self) -> int:
        return anchor(self.database, self.store, interval=timedelta(0))

    def verify(self) -> Report:
        return verify(self.database, self.store, self.org_id)

    def problems(self) -> list[tuple[int, str]]:
        return [(problem.sequence, problem.message) for problem in self.verify().problems]

    def tamper(self, *statements: str) -> None:
        """As whoever owns the machine: past the triggers and past row-level security."""
        with psycopg.connect(self.superuser) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(statement.replace(":org", f"'{self.org_id}'"))

    def notes(self) -> list[Path]:
        return sorted((self.folder / str(self.org_id) / "notes" / "audit-anchors").iterdir())


@pytest.fixture
def chain(database: Database, tenant: Tenant, postgres: EmbeddedPostgres, tmp_path: Path) -> Chain:
    name = database.urls.owner.rpartition("/")[2].partition("?")[0]
    return Chain(
        tenant.principal.org_id,
        database.worker,
        FolderStore(tmp_path / "objects"),
        tmp_path / "objects",
        postgres.url(name, "superuser"),
    )
