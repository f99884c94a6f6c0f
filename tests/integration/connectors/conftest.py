"""A connection of the test's tenant and a runtime to sync it with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from drovi_assets.connectors.registry import CONNECTORS, ConnectorSpec
from drovi_assets.connectors.runtime import Runtime
from resources import audiences
from resources.master_keys import MasterKeys
from resources.object_store import FolderStore
from resources.schema import connection, connection_secret, source_item
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from tests.conftest import Database, Tenant


@dataclass(frozen=True)
class Bench:
    """One tenant's connections, and a look at what landed."""

    database: Database
    tenant: Tenant
    runtime: Runtime

    @property
    def org_id(self) -> UUID:
        return self.tenant.principal.org_id

    def connect(
        self,
        connector: str,
        config: Mapping[str, Any],
        secrets: Mapping[str, str] | None = None,
        *,
        name: str | None = None,
    ) -> UUID:
        """A new connection, shared with the organisation and named as its connector unless told otherwise."""
        audience_id = uuid4()
        with self.database.worker.organisation(self.org_id) as session:
            connection_id: UUID = session.execute(
                connection.insert()
                .values(
                    org_id=self.org_id,
                    owner_id=self.tenant.principal.user_id,
                    connector=connector,
                    name=name or connector,
                    audience_id=audience_id,
                    config=dict(config),
                )
                .returning(connection.c.id)
            ).scalar_one()
            audiences.found(session, self.org_id, connection_id, audience_id)
            if secrets:
                sealed = self.runtime.secrets.seal(self.org_id, connection_id, secrets)
                session.execute(
                    connection_secret.insert().values(
                        org_id=self.org_id,
                        connection_id=connection_id,
                        key_id=sealed.key_id,
                        ciphertext=sealed.ciphertext,
                    )
                )
        return connection_id

    def with_connector(self, spec: ConnectorSpec, **changes: Any) -> Runtime:
        """The runtime with one more connector."""
        return replace(self.runtime, connectors={**CONNECTORS, spec.name: spec}, **changes)

    def current(self, connection_id: UUID) -> dict[str, Any]:
        """The payload of every current item, by provider id."""
        with self.database.worker.organisation(self.org_id) as session:
            rows = session.execute(
                select(source_item.c.provider_id, source_item.c.payload).where(
                    source_item.c.connection_id == connection_id, source_item.c.superseded_at.is_(None)
                )
            ).all()
        assert len({row.provider_id for row in rows}) == len(rows)
        return {row.provider_id: json.loads(row.payload) for row in rows}

    def row(self, connection_id: UUID) -> Any:
        """The connection as it stands."""
        with self.database.worker.organisation(self.org_id) as session:
            return session.execute(select(connection).where(connection.c.id == connection_id)).one()


@pytest.fixture
def bench(database: Database, tenant: Tenant, tmp_path: Path) -> Bench:
    """The tenant's database with an object store and a box of secrets beside it."""
    runtime = Runtime(
        database.worker,
        FolderStore(tmp_path / "objects"),
        SecretBox(MasterKeys(SecretFile(tmp_path / "home"))),
        forget=lambda *_: None,
        follow=lambda *_: None,
        sleep=lambda _seconds: None,
    )
    return Bench(database, tenant, runtime)


Connect = Callable[..., UUID]
