"""Job rows of several organisations, on a database of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, insert, select

from resources import job_rows
from resources.schema import connection as connection_table
from resources.schema import job
from tests.conftest import Database, Tenant, make_tenant


@dataclass(frozen=True)
class Plane:
    """The worker's way to jobs."""

    database: Database

    def ask(self, org_id: UUID | None, key: str, kind: str = "count", **how: Any) -> UUID:
        with self.database.worker.dispatch() as session:
            return job_rows.ensure(session, job_rows.Wanted(org_id, kind, key, **how))

    def row(self, job_id: UUID) -> Row[Any]:
        with self.database.worker.dispatch() as session:
            return session.execute(select(job).where(job.c.id == job_id)).one()

    def take(self, limit: int = 10) -> list[Row[Any]]:
        with self.database.worker.dispatch() as session:
            return list(job_rows.take(session, ["count"], limit))

    def do(self, act: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with self.database.worker.dispatch() as session:
            return act(session, *arguments, **named)

    def connect(self, tenant: Tenant, connector: str = "documents", name: str = "A source") -> UUID:
        with self.database.worker.organisation(tenant.principal.org_id) as session:
            row = insert(connection_table).values(
                org_id=tenant.principal.org_id,
                owner_id=tenant.principal.user_id,
                connector=connector,
                name=name,
                audience_id=tenant.principal.audiences[0]
                if tenant.principal.audiences
                else tenant.principal.org_id,
            )
            return session.execute(row.returning(connection_table.c.id)).scalar_one()


@pytest.fixture
def plane(database: Database) -> Plane:
    return Plane(database)


@pytest.fixture
def other(database: Database, tenant: Tenant) -> Tenant:
    return make_tenant(database, "Cabinet Other")
