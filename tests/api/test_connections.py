"""Connecting a source and asking for a sync: secrets stay inside, a repeat does nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import select, update

from drovi_api.runtime import ApiRuntime
from resources.audit import newest
from resources.schema import connection as connection_table
from resources.schema import connection_secret, job
from resources.secrets import Sealed
from tests.api.cases import POSTGRES_CONFIG
from tests.api.conftest import Caller, World
from tests.conftest import Database

SECRET = POSTGRES_CONFIG["password"]


def _ledger(name: str, **config: object) -> dict[str, object]:
    return {"connector": "postgres", "name": name, "config": POSTGRES_CONFIG | config}


def test_a_secret_goes_in_sealed_and_never_comes_out(
    owner: Caller, api_database: Database, runtime: ApiRuntime
) -> None:
    """Not in any answer, not in the settings; the worker alone finds it again."""
    created = owner("POST", "/api/v1/connections", json=_ledger("Sealed"))
    connection_id = created.json()["id"]
    read = owner("GET", f"/api/v1/connections/{connection_id}")
    listed = owner("GET", "/api/v1/connections")
    assert created.json() == read.json() | {"intake": None}
    assert "password" not in read.json()["config"]
    for response in (created, read, listed):
        assert SECRET not in response.text
    org_id = owner.tenant.principal.org_id
    with api_database.worker.organisation(org_id) as session:
        query = select(connection_secret).where(connection_secret.c.connection_id == connection_id)
        row = session.execute(query).one()
    assert SECRET.encode() not in row.ciphertext
    sealed = Sealed(row.key_id, row.ciphertext)
    assert runtime.secrets.open(org_id, UUID(connection_id), sealed) == {"password": SECRET}


def test_settings_that_do_not_fit_are_refused_without_being_repeated(owner: Caller) -> None:
    response = owner("POST", "/api/v1/connections", json=_ledger("Wrong", port=SECRET))
    assert (response.status_code, response.json()["code"]) == (422, "VALIDATION_ERROR")
    assert SECRET not in response.text
    assert "port" in response.text


def test_a_connector_that_there_is_not_is_refused(owner: Caller) -> None:
    body = {"connector": "telepathy", "name": "Minds", "config": {}}
    response = owner("POST", "/api/v1/connections", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "VALIDATION_ERROR")


def test_a_name_is_taken_once(owner: Caller) -> None:
    assert owner("POST", "/api/v1/connections", json=_ledger("Twice")).status_code == 201
    again = owner("POST", "/api/v1/connections", json=_ledger("Twice"))
    assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")


def test_a_private_connection_is_its_owners_alone(owner: Caller, member: Caller) -> None:
    created = owner("POST", "/api/v1/connections", json=_ledger("Mine") | {"visibility": "PRIVATE"}).json()
    assert created["visibility"] == "PRIVATE"
    assert owner("GET", f"/api/v1/connections/{created['id']}").status_code == 200
    assert member("GET", f"/api/v1/connections/{created['id']}").status_code == 404
    assert created["id"] not in member("GET", "/api/v1/connections?limit=200").text
    assert member("POST", f"/api/v1/connections/{created['id']}/sync").status_code == 404


def test_only_owners_and_administrators_connect_folders_of_the_server(owner: Caller, member: Caller) -> None:
    """Any folder that the server can read would else be any member's."""
    body = {"connector": "documents", "name": "Folder", "config": {"path": "/srv/files"}}
    refused = member("POST", "/api/v1/connections", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert owner("POST", "/api/v1/connections", json=body).status_code == 201


def test_a_member_connects_a_source(member: Caller) -> None:
    assert member("POST", "/api/v1/connections", json=_ledger("Member's")).status_code == 201


def test_a_repeated_idempotency_key_finds_the_same_job(
    owner: Caller, world: World, api_database: Database
) -> None:
    """Even after the job has ended; another key asks again."""
    path = f"/api/v1/connections/{world.shared.connection_id}/sync"
    first, repeat = (owner("POST", path, headers={"Idempotency-Key": "monday"}).json() for _ in range(2))
    assert first["id"] == repeat["id"]
    assert (first["status"], first["kind"]) == ("queued", "sync")
    assert first["requested_by"] == str(owner.tenant.principal.user_id)
    with api_database.worker.dispatch() as session:
        session.execute(update(job).where(job.c.id == first["id"]).values(status="succeeded"))
    assert owner("POST", path, headers={"Idempotency-Key": "monday"}).json()["id"] == first["id"]
    assert owner("POST", path, headers={"Idempotency-Key": "tuesday"}).json()["id"] != first["id"]


def test_without_a_key_a_waiting_sync_serves_all_who_ask(
    newcomer: Callable[[], Caller], api_database: Database
) -> None:
    """It will read all that is there when it starts."""
    caller = newcomer()
    connection_id = caller("POST", "/api/v1/connections", json=_ledger("Waiting")).json()["id"]
    path = f"/api/v1/connections/{connection_id}/sync"
    first, second = (caller("POST", path).json()["id"] for _ in range(2))
    assert first == second
    with api_database.worker.dispatch() as session:
        session.execute(update(job).where(job.c.id == first).values(status="running"))
    assert caller("POST", path).json()["id"] != first


def test_a_paused_connection_is_not_synced(newcomer: Callable[[], Caller], api_database: Database) -> None:
    caller = newcomer()
    connection_id = caller("POST", "/api/v1/connections", json=_ledger("Paused")).json()["id"]
    with api_database.worker.dispatch() as session:
        session.execute(
            update(connection_table).where(connection_table.c.id == connection_id).values(status="paused")
        )
    response = caller("POST", f"/api/v1/connections/{connection_id}/sync")
    assert (response.status_code, response.json()["code"]) == (409, "CONFLICT")


def test_what_was_done_is_audited_once_with_who_and_from_where(
    newcomer: Callable[[], Caller], api_database: Database
) -> None:
    """A repeat that does nothing is no act, nor is a refusal; no secret gets in, nor a private source's name."""
    caller = newcomer()
    known = {"X-Request-ID": "request-of-the-test"}
    shared = caller("POST", "/api/v1/connections", json=_ledger("Ours"), headers=known).json()["id"]
    private = _ledger("Mine alone") | {"visibility": "PRIVATE"}
    assert caller("POST", "/api/v1/connections", json=private).status_code == 201
    assert caller("POST", "/api/v1/connections", json=_ledger("Ours")).status_code == 409
    for _ in range(2):
        synced = caller("POST", f"/api/v1/connections/{shared}/sync")
    org_id = caller.tenant.principal.org_id
    with api_database.worker.organisation(org_id) as session:
        sync, hidden, created = newest(session, org_id, 10)
    assert (created.action, created.subject_id) == ("connection.created", shared)
    assert (created.actor_kind, created.actor_id) == ("api_key", str(caller.tenant.principal.user_id))
    assert created.actor_label.startswith("owner@newcomer")
    assert (created.address, created.request_id) == ("testclient", "request-of-the-test")
    assert created.after == {"connector": "postgres", "visibility": "ORG_SHARED"}
    assert hidden.after == {"connector": "postgres", "visibility": "PRIVATE"}
    assert (sync.action, sync.after) == ("connection.sync_requested", {"job_id": synced.json()["id"]})
