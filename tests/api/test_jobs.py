"""Background work is seen by those whom it concerns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select

from resources.schema import job
from resources.tenancy import Role
from tests.api.conftest import Caller, colleague_of
from tests.api.seed import seed_connection
from tests.conftest import Database


def _job(database: Database, caller: Caller, requested_by: UUID | None = None, **more: Any) -> str:
    org_id = caller.tenant.principal.org_id
    with database.worker.dispatch() as session:
        values = {"org_id": org_id, "kind": "export", "idempotency_key": str(uuid4())} | more
        query = insert(job).values(**values, requested_by=requested_by).returning(job.c.id)
        return str(session.execute(query).scalar_one())


def _listed(caller: Caller, **params: str) -> set[str]:
    body: dict[str, Any] = caller("GET", "/api/v1/jobs", params=params).json()
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


def _state(database: Database, job_id: str) -> Any:
    with database.worker.dispatch() as session:
        return session.execute(select(job).where(job.c.id == UUID(job_id))).one()


def test_they_are_listed_by_kind_state_and_source(
    newcomer: Callable[[], Caller], api_database: Database
) -> None:
    owner = newcomer()
    source = seed_connection(api_database, owner.tenant)
    sync = _job(api_database, owner, kind="sync", connection_id=source)
    failed = _job(api_database, owner, kind="backfill", connection_id=source, status="failed")
    other = _job(api_database, owner)
    assert _listed(owner) == {sync, failed, other}
    assert _listed(owner, kind="sync") == {sync}
    assert _listed(owner, connection_id=str(source)) == {sync, failed}
    assert _listed(owner, connection_id=str(source), status="failed", kind="backfill") == {failed}
    assert _listed(owner, kind="replay") == set()
    assert owner("GET", "/api/v1/jobs", params={"kind": "no kind"}).status_code == 422


def test_a_job_that_waits_is_called_off_at_once_and_tried_again(
    newcomer: Callable[[], Caller], api_database: Database
) -> None:
    """By any member who sees its source; its attempts count on, so that none of its runs has the name of another."""
    owner = newcomer()
    member = Caller(owner.http, colleague_of(api_database, owner.tenant, Role.MEMBER))
    source = seed_connection(api_database, owner.tenant)
    made = _job(api_database, owner, kind="backfill", connection_id=source, attempts=2)
    cancelled = member("POST", f"/api/v1/jobs/{made}/cancel").json()
    assert (cancelled["status"], cancelled["finished_at"] is not None) == ("cancelled", True)
    assert member("POST", f"/api/v1/jobs/{made}/cancel").status_code == 409
    again = member("POST", f"/api/v1/jobs/{made}/retry").json()
    assert (again["status"], again["attempts"], again["max_attempts"]) == ("queued", 2, 5)
    assert (again["finished_at"], again["error"], again["cancel_requested_at"]) == (None, None, None)
    assert member("POST", f"/api/v1/jobs/{made}/retry").status_code == 409


def test_a_job_that_runs_is_asked_to_stop(newcomer: Callable[[], Caller], api_database: Database) -> None:
    """It is cancelled once its worker has everything stored; until then it is seen to run."""
    owner = newcomer()
    source = seed_connection(api_database, owner.tenant)
    made = _job(api_database, owner, kind="sync", connection_id=source, status="running")
    asked = owner("POST", f"/api/v1/jobs/{made}/cancel").json()
    assert (asked["status"], asked["finished_at"]) == ("running", None)
    assert asked["cancel_requested_at"] is not None
    assert owner("POST", f"/api/v1/jobs/{made}/cancel").json() == asked


@pytest.mark.parametrize("kind", ["erase_source", "erase_person", "retention", "export"])
@pytest.mark.parametrize("act", ["cancel", "retry"])
def test_what_does_not_read_a_source_is_nobodys_to_stop(
    newcomer: Callable[[], Caller], api_database: Database, kind: str, act: str
) -> None:
    """An erasure that was promised is carried out, whether it is about a source or not."""
    owner = newcomer()
    for connection_id in (None, seed_connection(api_database, owner.tenant)):
        made = _job(api_database, owner, kind=kind, connection_id=connection_id)
        refused = owner("POST", f"/api/v1/jobs/{made}/{act}")
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
        assert _state(api_database, made).status == "queued"


@pytest.mark.parametrize("act", ["cancel", "retry"])
def test_a_private_sources_job_is_its_owners_alone(
    newcomer: Callable[[], Caller], api_database: Database, act: str
) -> None:
    """For everybody else there is none, an administrator of the organisation included."""
    owner = newcomer()
    admin = Caller(owner.http, colleague_of(api_database, owner.tenant, Role.ADMIN))
    source = seed_connection(api_database, owner.tenant, private=True)
    status = "queued" if act == "cancel" else "failed"
    made = _job(api_database, owner, kind="sync", connection_id=source, status=status)
    assert admin("POST", f"/api/v1/jobs/{made}/{act}").status_code == 404
    assert _state(api_database, made).status == status
    assert owner("POST", f"/api/v1/jobs/{made}/{act}").status_code == 200
