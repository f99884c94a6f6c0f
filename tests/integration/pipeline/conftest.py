"""A folder that is a connection, on a database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from drovi_assets.automation import Done, bring_up_to_date
from drovi_assets.connectors.connections import ensure_folder
from drovi_assets.documents.sandbox import Sandbox
from drovi_assets.pipeline.runtime import Runtime, sources_of
from drovi_assets.pipeline.summary import Summary, summarise
from resources.master_keys import MasterKeys
from resources.object_store import FolderStore
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from tests.conftest import Database, Tenant
from tests.fakes.embedder import FakeEmbedder


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1) as running:
        yield running


@dataclass(frozen=True)
class Folder:
    """A connected folder: write files into ``path``, then ``ingest``."""

    path: Path
    connection_id: UUID
    runtime: Runtime
    database: Database
    tenant: Tenant

    @property
    def org_id(self) -> UUID:
        return self.tenant.principal.org_id

    def ingest(self) -> Done:
        return bring_up_to_date(self.runtime, self.org_id, self.connection_id)

    def summary(self) -> Summary:
        with self.database.app.acting_as(self.tenant.principal) as session:
            return summarise(session, self.connection_id)

    def query(self, statement, **parameters):
        with self.database.worker.organisation(self.org_id) as session:
            return session.execute(statement, parameters).all()


@pytest.fixture
def folder(database: Database, tenant: Tenant, sandbox: Sandbox, tmp_path: Path) -> Folder:
    path = tmp_path / "files"
    path.mkdir()
    box = SecretBox(MasterKeys(SecretFile(tmp_path)))
    with database.app.acting_as(tenant.principal) as session:
        connection_id = ensure_folder(session, tenant.principal, box, path, private=False)
    objects = FolderStore(tmp_path / "objects")
    runtime = Runtime(
        database=database.worker,
        objects=objects,
        parser=sandbox,
        embedder=FakeEmbedder(),
        sources=sources_of(database.worker, objects, box),
    )
    return Folder(path, connection_id, runtime, database, tenant)
