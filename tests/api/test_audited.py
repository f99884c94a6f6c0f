"""Every operation that changes something leaves an entry in its organisation's audit log, and a sound chain behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import func, select

from drovi_api.runtime import ApiRuntime
from resources.audit import verify
from resources.schema import audit_entry, organisation
from tests.api.cases import CASES, Case, Reach
from tests.api.conftest import Caller, World, make_world
from tests.conftest import Database

LEFT_OUT: Mapping[str, str] = {"find": "a search only reads", "ask": "a question only reads"}
"""Operations that are no GET and need no entry, with the reason. Those of the entrance are tried in tests/api/auth."""

FIRST: Mapping[str, tuple[str, ...]] = {
    "schedule_organisation_erasure": ("release_hold",),
    "call_off_organisation_erasure": ("release_hold", "schedule_organisation_erasure"),
}
"""What has to be done before an operation can succeed."""

CHANGING = [
    case
    for case in CASES
    if case.reach is not Reach.ENTRANCE and case.method != "GET" and case.operation_id not in LEFT_OUT
]
BY_ID = {case.operation_id: case for case in CASES}


@dataclass(frozen=True, slots=True)
class Own:
    """An organisation of the test's own: what is done to it is nobody else's concern."""

    caller: Caller
    world: World
    database: Database

    def do(self, case: Case) -> httpx.Response:
        body = case.body()
        if case.operation_id == "schedule_organisation_erasure":
            body = {"name": self.name()}
        return self.caller(case.method, case.url(case.subject(self.world)), json=body)

    def name(self) -> str:
        with self.database.worker.dispatch() as session:
            query = select(organisation.c.name).where(
                organisation.c.id == self.caller.tenant.principal.org_id
            )
            return session.execute(query).scalar_one()

    def entries(self) -> int:
        with self.database.worker.organisation(self.caller.tenant.principal.org_id) as session:
            return session.execute(select(func.count()).select_from(audit_entry)).scalar_one()

    def newest(self) -> Any:
        with self.database.worker.organisation(self.caller.tenant.principal.org_id) as session:
            return session.execute(select(audit_entry).order_by(audit_entry.c.sequence.desc()).limit(1)).one()


@pytest.fixture
def own(newcomer: Callable[[], Caller], api_database: Database, runtime: ApiRuntime) -> Own:
    caller = newcomer()
    return Own(caller, make_world(api_database, runtime, caller.tenant), api_database)


@pytest.mark.parametrize("case", CHANGING, ids=lambda case: case.operation_id)
def test_a_change_leaves_an_entry(own: Own, runtime: ApiRuntime, case: Case) -> None:
    """Of who did it, by which request; and the chain holds."""
    for name in FIRST.get(case.operation_id, ()):
        assert own.do(BY_ID[name]).status_code == BY_ID[name].status
    before = own.entries()
    response = own.do(case)
    assert response.status_code == case.status, response.text
    assert own.entries() > before, f"{case.operation_id} changes something and is not audited"
    entry = own.newest()
    assert entry.actor_id == str(own.caller.tenant.principal.user_id)
    assert entry.actor_kind == "api_key"
    assert entry.request_id == response.headers["x-request-id"]
    assert verify(own.database.worker, runtime.objects, entry.org_id).problems == ()


@pytest.mark.parametrize("case", CHANGING, ids=lambda case: case.operation_id)
def test_what_is_refused_leaves_none(own: Own, viewer: Caller, case: Case) -> None:
    """An entry commits with its act: a viewer of another organisation changes and writes nothing."""
    before = own.entries()
    assert viewer(case.method, case.url(case.subject(own.world)), json=case.body()).status_code in {403, 404}
    assert own.entries() == before


def test_only_reading_is_left_out() -> None:
    """The list of exceptions names operations that there are."""
    assert LEFT_OUT.keys() <= BY_ID.keys()
    assert not any(BY_ID[name].writes for name in LEFT_OUT)
