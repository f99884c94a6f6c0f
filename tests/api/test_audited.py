"""Every operation that changes something leaves an entry in its organisation's audit log, and a sound chain behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest
from sqlalchemy import func, select

from drovi_api.runtime import ApiRuntime
from resources.audit import verify
from resources.schema import audit_entry, organisation
from resources.tenancy import Role
from tests.api.case import Case, Reach
from tests.api.cases import CASES, POLICIES
from tests.api.conftest import Caller, World, colleague_of, make_world
from tests.conftest import Database

LEFT_OUT: Mapping[str, str] = {
    "find": "a search only reads",
    "ask": "a question only reads",
    "receive_webhook": "what comes to a source is its content; the address and its secret are audited",
}
"""Operations that are no GET and need no entry, with the reason. Those of the entrance are tried in tests/api/auth."""

FIRST: Mapping[str, tuple[str, ...]] = {
    "schedule_organisation_erasure": ("release_hold",),
    "call_off_organisation_erasure": ("release_hold", "schedule_organisation_erasure"),
    "leave_organisation": ("change_member_role",),
    "resend_invitation": ("invite_member",),
    "revoke_invitation": ("invite_member",),
    "revoke_api_key": ("create_api_key",),
    "resume_connection": ("pause_connection",),
}
"""What has to be done before an operation can succeed."""

MADE = frozenset({"resend_invitation", "revoke_invitation", "revoke_api_key"})
"""Operations on what the one before them made."""
ON_A_COLLEAGUE = frozenset({"change_member_role", "remove_member"})
BODIES: Mapping[str, dict[str, Any]] = {
    "set_policies": POLICIES | {"session_hours": 8},
    "change_member_role": {"role": "OWNER"},
}
"""What to ask for where a case's own body would change nothing here."""

OPEN_TO_ALL: Mapping[str, tuple[int, dict[str, Any] | None]] = {
    "leave_organisation": (409, None),
    "set_report_subscription": (422, {"period": "hourly"}),
    "create_api_key": (422, {"name": "Late", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}),
}
"""What every member may do, and how an owner is refused it: the last one stays, and no key is made that is over."""

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

    def do(self, case: Case, made: UUID | None = None) -> httpx.Response:
        return self.ask(self.caller, case, self.subject(case, made))

    def ask(self, caller: Caller, case: Case, subject: UUID) -> httpx.Response:
        body = BODIES.get(case.operation_id, case.body())
        if case.operation_id == "schedule_organisation_erasure":
            body = {"name": self.name()}
        return caller(case.method, case.url(subject), json=body)

    def prepare(self, case: Case) -> UUID | None:
        """Do what comes first; the id of what was made, where something was."""
        made = None
        for name in FIRST.get(case.operation_id, ()):
            answer = self.do(BY_ID[name])
            assert answer.status_code == BY_ID[name].status, answer.text
            made = UUID(answer.json()["id"]) if case.operation_id in MADE else None
        return made

    def subject(self, case: Case, made: UUID | None) -> UUID:
        if case.operation_id in ON_A_COLLEAGUE:
            return self.world.colleague_id
        return made or case.subject(self.world)

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


changing = pytest.mark.parametrize("case", CHANGING, ids=lambda case: case.operation_id)


@changing
def test_a_change_leaves_an_entry(own: Own, runtime: ApiRuntime, case: Case) -> None:
    """Of who did it, by which request; and the chain holds."""
    made = own.prepare(case)
    before = own.entries()
    response = own.do(case, made)
    assert response.status_code == case.status, response.text
    assert own.entries() > before, f"{case.operation_id} changes something and is not audited"
    entry = own.newest()
    assert entry.actor_id == str(own.caller.tenant.principal.user_id)
    assert entry.actor_kind == "api_key"
    assert entry.request_id == response.headers["x-request-id"]
    assert verify(own.database.worker, runtime.objects, entry.org_id).problems == ()


@changing
def test_what_is_refused_leaves_none(own: Own, case: Case) -> None:
    """An entry commits with its act: a viewer of the organisation changes and writes nothing."""
    made = own.prepare(case) if case.operation_id in MADE else None
    viewer = Caller(own.caller.http, colleague_of(own.database, own.caller.tenant, Role.VIEWER))
    before = own.entries()
    if case.operation_id in OPEN_TO_ALL:
        refused, body = OPEN_TO_ALL[case.operation_id]
        assert own.caller(case.method, case.path, json=body).status_code == refused
    else:
        assert own.ask(viewer, case, own.subject(case, made)).status_code in {403, 404}
    assert own.entries() == before


@pytest.mark.parametrize(
    "case", [case for case in CHANGING if "{id}" in case.path], ids=lambda case: case.operation_id
)
def test_another_organisation_leaves_none(own: Own, newcomer: Callable[[], Caller], case: Case) -> None:
    """Neither here nor in its own log, though its owner may do all of it there."""
    made = own.prepare(case) if case.operation_id in MADE else None
    elsewhere = replace(own, caller=newcomer())
    before = own.entries()
    assert own.ask(elsewhere.caller, case, own.subject(case, made)).status_code == 404
    assert own.entries() == before
    assert elsewhere.entries() == 0


def test_only_reading_is_left_out() -> None:
    """The lists name operations that there are."""
    assert (
        LEFT_OUT.keys() | FIRST.keys() | BODIES.keys() | OPEN_TO_ALL.keys() | MADE | ON_A_COLLEAGUE
        <= BY_ID.keys()
    )
    assert not any(BY_ID[name].writes for name in LEFT_OUT)
