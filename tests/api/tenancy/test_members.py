"""Who is in an organisation, as what: changed by those who may, at once, and never down to no owner."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import text

from resources.tenancy import Role
from tests.api.auth.conftest import Browser, Letters
from tests.api.cases import POSTGRES_CONFIG
from tests.api.conftest import Caller
from tests.api.tenancy.conftest import Firm, id_of

MEMBERS = "/api/v1/members"


def _role(caller: Caller, other: Caller, role: str) -> int:
    return caller("PATCH", f"{MEMBERS}/{id_of(other)}", json={"role": role}).status_code


def _remove(caller: Caller, other: Caller) -> int:
    return caller("DELETE", f"{MEMBERS}/{id_of(other)}").status_code


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"role": "VIEWER"}), ("DELETE", None)])
def test_another_organisations_member_answers_as_a_missing_one(
    firm: Firm, other: Caller, method: str, body: dict[str, str] | None
) -> None:
    """Not even an owner touches, or learns of, anybody elsewhere."""
    theirs = other(method, f"{MEMBERS}/{id_of(firm.colleague())}", json=body)
    missing = other(method, f"{MEMBERS}/{uuid4()}", json=body)
    assert theirs.status_code == missing.status_code == 404
    assert theirs.json() | {"request_id": ""} == missing.json() | {"request_id": ""}


def test_members_see_each_other_and_nobody_else(firm: Firm, other: Caller) -> None:
    viewer = firm.colleague(Role.VIEWER)
    first = viewer("GET", MEMBERS, params={"limit": 1}).json()
    second = viewer("GET", MEMBERS, params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert second["next_cursor"] is None
    shown = [item["user_id"] for item in first["items"] + second["items"]]
    assert shown == [str(id_of(viewer)), str(id_of(firm.owner))]
    assert set(first["items"][0]) == {"user_id", "name", "email", "role", "joined_at"}
    assert str(id_of(viewer)) not in other("GET", MEMBERS).text


def test_a_changed_role_holds_from_the_next_request_on(firm: Firm, letters: Letters) -> None:
    """With the key that is in use, and told to the person and to the audit log."""
    colleague = firm.colleague(Role.MEMBER)
    body = {"connector": "postgres", "name": "Ledger", "config": POSTGRES_CONFIG}
    assert colleague("POST", "/api/v1/connections", json=body).status_code == 201
    changed = firm.owner("PATCH", f"{MEMBERS}/{id_of(colleague)}", json={"role": "VIEWER"})
    assert (changed.status_code, changed.json()["role"]) == (200, "VIEWER")
    assert colleague("POST", "/api/v1/connections", json=body | {"name": "B"}).status_code == 403
    (letter,) = letters.to(changed.json()["email"])
    assert (letter.template, letter.values["role"]) == ("role_changed", "VIEWER")
    assert set(letter.values) == {"recipient", "actor", "organisation", "role", "link"}
    (entry,) = firm.audited("member.role_changed")
    assert entry["subject_id"] == str(id_of(colleague))
    assert (entry["before"], entry["after"]) == ({"role": "MEMBER"}, {"role": "VIEWER"})


def test_the_same_role_again_changes_and_tells_nothing(firm: Firm, letters: Letters) -> None:
    colleague = firm.colleague(Role.MEMBER)
    answer = firm.owner("PATCH", f"{MEMBERS}/{id_of(colleague)}", json={"role": "MEMBER"})
    assert answer.status_code == 200
    assert letters.to(answer.json()["email"]) == firm.audited("member.role_changed") == []


def test_only_owners_make_and_touch_owners(firm: Firm) -> None:
    """An administrator neither makes one, themself included, nor unmakes or removes one."""
    admin, colleague = firm.colleague(Role.ADMIN), firm.colleague(Role.MEMBER)
    assert _role(admin, colleague, "OWNER") == 403
    assert _role(admin, admin, "OWNER") == 403
    assert _role(admin, firm.owner, "MEMBER") == 403
    assert _remove(admin, firm.owner) == 403
    assert _role(admin, colleague, "ADMIN") == 200
    assert _role(firm.owner, colleague, "OWNER") == 200


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_nobody_rises_by_themselves(firm: Firm, role: Role) -> None:
    one = firm.colleague(role)
    assert _role(one, one, "ADMIN") == 403
    assert one("GET", "/api/v1/auth/me").json()["role"] == role


def test_the_last_owner_stays(firm: Firm) -> None:
    """Neither leaves, nor is demoted, nor removed; with a second one, they may go."""
    for answer in (
        firm.owner("POST", f"{MEMBERS}/leave"),
        firm.owner("PATCH", f"{MEMBERS}/{id_of(firm.owner)}", json={"role": "ADMIN"}),
        firm.owner("DELETE", f"{MEMBERS}/{id_of(firm.owner)}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
        assert answer.json()["remedy"] == "Make somebody else an owner first."
    second = firm.colleague(Role.OWNER)
    assert firm.owner("POST", f"{MEMBERS}/leave").status_code == 200
    assert second("POST", f"{MEMBERS}/leave").status_code == 409


def _at_once(firm: Firm, *acts: Callable[[], int]) -> list[int]:
    """What requests are answered that all got as far as the owners' rows before any of them could go on."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    pause = threading.Event()
    with ThreadPoolExecutor(len(acts)) as pool:
        with firm.database.worker.organisation(firm.org_id) as holder:
            holder.execute(text("SELECT FROM membership FOR UPDATE"))
            futures = [pool.submit(act) for act in acts]
            while holder.execute(waiting).scalar_one() < len(acts) and not all(f.done() for f in futures):
                pause.wait(0.01)
        return sorted(future.result() for future in futures)


def test_of_two_owners_who_leave_at_once_one_stays(firm: Firm) -> None:
    """Each sees the other still there when they ask; only one may be right."""
    second = firm.colleague(Role.OWNER)
    leave = [lambda one=one: one("POST", f"{MEMBERS}/leave").status_code for one in (firm.owner, second)]
    assert _at_once(firm, *leave) == [200, 409]


def test_of_two_owners_who_demote_each_other_one_stays(firm: Firm) -> None:
    """Whoever comes second is an owner no more, and demotes nobody."""
    second, third = firm.colleague(Role.OWNER), firm.colleague(Role.OWNER)
    answers = _at_once(
        firm, lambda: _role(firm.owner, second, "MEMBER"), lambda: _role(second, firm.owner, "MEMBER")
    )
    assert answers == [200, 403]
    roles = {item["role"] for item in third("GET", MEMBERS).json()["items"]}
    assert roles == {"OWNER", "MEMBER"}


def test_who_was_removed_is_out_at_once(firm: Firm, letters: Letters) -> None:
    """Told by mail, written down, and no key of theirs works again when they come back."""
    colleague = firm.colleague(Role.ADMIN)
    removed = firm.owner("DELETE", f"{MEMBERS}/{id_of(colleague)}")
    assert removed.status_code == 200
    assert colleague("GET", "/api/v1/auth/me").status_code == 401
    (letter,) = letters.to(removed.json()["email"])
    assert letter.template == "removed_from_organisation"
    assert set(letter.values) == {"recipient", "actor", "organisation"}
    (entry,) = firm.audited("member.removed")
    assert (entry["subject_id"], entry["before"]["role"]) == (str(id_of(colleague)), "ADMIN")
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            text("INSERT INTO membership (org_id, user_id, role) VALUES (:org, :user, 'MEMBER')"),
            {"org": firm.org_id, "user": id_of(colleague)},
        )
    assert colleague("GET", "/api/v1/auth/me").status_code == 401


def test_an_open_session_ends_with_the_membership_it_works_in(
    person: Callable[[str], Browser], firm: Firm
) -> None:
    """Its owner stays signed in, in no organisation, and can go on in another one."""
    one = person("leaver@members.example")
    first = one("GET", "/auth/session").json()["organisation_id"]
    with firm.database.worker.organisation(first) as session:
        session.execute(
            text("INSERT INTO membership (org_id, user_id, role) VALUES (:org, :user, 'OWNER')"),
            {"org": first, "user": id_of(firm.owner)},
        )
    assert one("POST", "/members/leave").status_code == 200
    assert one("GET", "/members").status_code == 401
    assert one("GET", "/auth/session").json()["organisation_id"] is None
    assert one("POST", "/auth/organisations", json={"name": "Another"}).status_code == 201
    assert one("GET", "/auth/me").json()["organisation"]["name"] == "Another"
