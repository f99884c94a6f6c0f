"""Two organisations with sealed secrets, and the keys of one machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select

from resources import audiences
from resources.database import IdentityDatabase, WorkerDatabase
from resources.master_keys import MasterKeys
from resources.rotation import Databases
from resources.schema import connection as connection_table
from resources.schema import connection_secret
from resources.secret_file import SecretFile
from resources.secrets import Sealed, SecretBox
from tests.conftest import Database, Tenant, make_tenant


@dataclass(frozen=True)
class Vault:
    """Connections with secrets, and what opens them."""

    database: WorkerDatabase
    identity: IdentityDatabase
    file: SecretFile
    tenants: tuple[Tenant, Tenant]

    @property
    def databases(self) -> Databases:
        """Whoever may write sealed secrets."""
        return Databases(self.database, self.identity)

    @property
    def keys(self) -> MasterKeys:
        """As a process of its own would have them."""
        return MasterKeys(self.file)

    def connections(self, tenant: Tenant, count: int) -> list[UUID]:
        """Connections without secrets."""
        org_id = tenant.principal.org_id
        ids = [uuid4() for _ in range(count)]
        with self.database.organisation(org_id) as session:
            audience = audiences.of_organisation(session, org_id)
            shared = {"org_id": org_id, "owner_id": tenant.principal.user_id, "audience_id": audience}
            rows = [shared | {"id": one, "connector": "postgres", "name": str(one)} for one in ids]
            session.execute(insert(connection_table), rows)
        return ids

    def keep(self, tenant: Tenant, rows: Sequence[tuple[UUID, Sealed]]) -> None:
        org_id = tenant.principal.org_id
        with self.database.organisation(org_id) as session:
            session.execute(
                insert(connection_secret),
                [
                    {
                        "org_id": org_id,
                        "connection_id": connection_id,
                        "key_id": sealed.key_id,
                        "ciphertext": sealed.ciphertext,
                    }
                    for connection_id, sealed in rows
                ],
            )

    def seal(self, tenant: Tenant, count: int) -> list[UUID]:
        """Connections with a secret each: their own id."""
        box, ids = SecretBox(self.keys), self.connections(tenant, count)
        org_id = tenant.principal.org_id
        self.keep(tenant, [(one, box.seal(org_id, one, {"password": str(one)})) for one in ids])
        return ids

    def rows(self, tenant: Tenant) -> dict[UUID, Sealed]:
        with self.database.organisation(tenant.principal.org_id) as session:
            query = select(
                connection_secret.c.connection_id, connection_secret.c.key_id, connection_secret.c.ciphertext
            )
            return {one: Sealed(key, bytes(text)) for one, key, text in session.execute(query)}


@pytest.fixture
def vault(database: Database, tenant: Tenant, tmp_path: Path) -> Vault:
    return Vault(
        database.worker,
        database.identity,
        SecretFile(tmp_path),
        (tenant, make_tenant(database, "Dubois Audit")),
    )
