"""Background work is seen by those whom it concerns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert

from resources.schema import job
from resources.tenancy import Role
from tests.api.conftest import Caller, colleague_of
from tests.conftest import Database


def _job(database: Database, caller: Caller, requested_by: UUID | None) -> str:
    org_id = caller.tenant.principal.org_id
    with database.worker.dispatch() as session:
        values = {"org_id": org_id, "kind": "export", "idempotency_key": str(uuid4())}
        query = insert(job).values(**values, requested_by=requested_by).returning(job.c.id)
        return str(session.execute(query).scalar_one())


def _listed(caller: Caller) -> set[str]:
    body: dict[str, Any] = caller("GET", "/api/v1/jobs").json()
    return {one["id"] for one in body["items"]}


def test_what_somebody_asked_for_themselves_is_nobody_elses_to_see(
    newcomer: Callable[[], Caller], api_database: Database
) -> None:
    """A job about no connection: its requester's alone, an owner's of the organisation included."""
    owner = newcomer()
    member = Caller(owner.http, colleague_of(api_database, owner.tenant, Role.MEMBER))
    theirs = _job(api_database, owner, member.tenant.principal.user_id)
    mine = _job(api_database, owner, owner.tenant.principal.user_id)
    everybodys = _job(api_database, owner, None)
    assert _listed(member) == {theirs, everybodys}
    assert _listed(owner) == {mine, everybodys}
    assert owner("GET", f"/api/v1/jobs/{theirs}").status_code == 404
    assert member("GET", f"/api/v1/jobs/{theirs}").status_code == 200
