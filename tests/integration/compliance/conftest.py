"""An organisation that holds a canary, another beside it, and the chores run to their end."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import insert, select

from drovi_assets.automation import bring_up_to_date
from drovi_assets.chores.work import work
from drovi_assets.connectors.connections import ensure_folder
from drovi_assets.pipeline.runtime import Runtime
from resources import audiences, job_rows
from resources.embedded_postgres import EmbeddedPostgres
from resources.organisations import principal_of
from resources.schema import app_user, erasure_receipt, job, membership
from resources.tenancy import Role
from tests.conftest import Database, Tenant, make_tenant
from tests.integration.pipeline.conftest import Folder, folder, sandbox

__all__ = ["folder", "sandbox"]

CANARY = "Xanthorrhoea"
"""A word that stands nowhere but in what is to be erased."""
LETTER = f"Chère Madame,\n\nNous vous adresserons le projet {CANARY} avant le 15 mars 2026.\n\nBien à vous."
WRITTEN = time.time() - 60


@dataclass
class OneBatch:
    """Time that is there while a chore is chosen (it is looked at twice), and over when that has done one batch."""

    looks: int = 0

    @property
    def left(self) -> float:
        self.looks += 1
        return 1.0 if self.looks <= 2 else 0.0


@dataclass(frozen=True)
class Everything:
    """Looks into every column of every table as the superuser, and into every stored file."""

    url: str
    objects: Path

    def tables(self) -> dict[str, list[str]]:
        """Every row of every table as text, bytes in hexadecimal, sorted."""
        with psycopg.connect(self.url) as connection:
            names = connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " AND relkind IN ('r', 'p') AND relname <> 'alembic_version' ORDER BY 1"
            ).fetchall()
            return {
                name: sorted(row[0] for row in connection.execute(f'SELECT t::text FROM "{name}" t'))
                for (name,) in names
            }

    def mentions(self, word: str) -> dict[str, int]:
        """How many rows of each table hold a word, or its bytes."""
        needles = (word, word.encode().hex(), word.replace("-", ""))
        counts = {
            name: sum(any(needle in row for needle in needles) for row in rows)
            for name, rows in self.tables().items()
        }
        return {name: count for name, count in counts.items() if count}

    def files_with(self, word: str) -> list[Path]:
        """Stored files that hold a word in their content or their path, notes apart."""
        return [
            path
            for path in self.objects.rglob("*")
            if path.is_file()
            and "notes" not in path.parts
            and (word in str(path) or word.encode() in path.read_bytes())
        ]


@dataclass(frozen=True)
class Firm:
    """An organisation with people, sources and the chores that work on them."""

    folder: Folder
    home: Path
    runtime: Runtime
    database: Database
    tenant: Tenant
    everything: Everything

    @property
    def org_id(self) -> UUID:
        return self.tenant.principal.org_id

    @property
    def owner_id(self) -> UUID:
        return self.tenant.principal.user_id

    def person(self, name: str, role: Role = Role.MEMBER) -> Tenant:
        """Somebody of the organisation."""
        with self.database.worker.dispatch() as session:
            user_id = session.execute(
                insert(app_user)
                .values(email=f"{name.lower()}@firm.example", name=name)
                .returning(app_user.c.id)
            ).scalar_one()
        with self.database.worker.organisation(self.org_id) as session:
            session.execute(insert(membership).values(org_id=self.org_id, user_id=user_id, role=role.value))
            audiences.of_members(session, self.org_id, [user_id])
        return Tenant(principal_of(self.database.worker, self.org_id, user_id), "")

    def source(
        self,
        owner: Tenant,
        *,
        private: bool,
        name: str,
        text: str = LETTER,
        files: Mapping[str, str] | None = None,
    ) -> UUID:
        """A folder with a letter in it, or with ``files``, read and derived through the pipeline."""
        path = self.home / name
        path.mkdir()
        for file, content in (files or {name: text}).items():
            write(path / f"{file}.txt", content)
        with self.database.app.acting_as(owner.principal) as session:
            connection_id = ensure_folder(
                session, owner.principal, self.runtime.sources.secrets, path, private=private
            )
        self.ingest(connection_id)
        return connection_id

    def ingest(self, connection_id: UUID) -> None:
        bring_up_to_date(self.runtime, self.org_id, connection_id)

    def ask(self, kind: str, by: UUID | None = None, **arguments: Any) -> UUID:
        """A job of that kind."""
        wanted = job_rows.Wanted(self.org_id, kind, f"{kind}:{uuid4()}", arguments=arguments, requested_by=by)
        with self.database.worker.organisation(self.org_id) as session:
            return job_rows.ensure(session, wanted)

    def step(self) -> int:
        """One chore, the least that it can do at once; how many there were to do."""
        return work(self.runtime, OneBatch())

    def work(self, steps: int = 200) -> None:
        """Every chore that is due, to its end."""
        for _ in range(steps):
            if not self.step():
                return
        raise AssertionError("the chores come to no end")

    def job(self, job_id: UUID) -> Any:
        with self.database.worker.dispatch() as session:
            return session.execute(select(job).where(job.c.id == job_id)).one_or_none()

    def receipts(self) -> list[Any]:
        with self.database.worker.organisation(self.org_id) as session:
            return list(session.execute(select(erasure_receipt).order_by(erasure_receipt.c.requested_at)))

    def query(self, statement: Any, **names: Any) -> list[Any]:
        with self.database.worker.organisation(self.org_id) as session:
            return list(session.execute(statement, names))


def write(path: Path, text: str) -> None:
    """A file that is older than the second that the connector leaves to a writer."""
    path.write_text(text, encoding="utf-8")
    os.utime(path, (WRITTEN, WRITTEN))


@pytest.fixture
def firm(folder: Folder, postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Firm:
    """An organisation without content yet."""
    monkeypatch.setattr("drovi_assets.connectors.sources.documents.SETTLED_NS", 0)
    database = folder.database
    name = database.urls.worker.rpartition("/")[2]
    return Firm(
        folder=folder,
        home=tmp_path,
        runtime=replace(folder.runtime, people=database.app),
        database=database,
        tenant=folder.tenant,
        everything=Everything(postgres.url(name, "superuser"), tmp_path / "objects"),
    )


@pytest.fixture
def neighbour(firm: Firm) -> Firm:
    """Another organisation with content of its own, which no erasure may touch."""
    other = replace(firm, tenant=make_tenant(firm.database, "Dubois Audit"))
    other.source(other.tenant, private=False, name="voisin", text=LETTER.replace(CANARY, "Voisinage"))
    return other
