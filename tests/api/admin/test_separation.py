"""Two doors: what opens the one opens nothing behind the other."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from drovi_api.admin.app import describe
from drovi_api.app import describe as describe_users
from resources.identity import admin_sessions, sessions
from tests.api.admin.cases import CASES
from tests.api.admin.conftest import ADMIN_PASSWORD, AdminBrowser, Site
from tests.api.auth.conftest import PASSWORD, Browser, Letters
from tests.api.conftest import Caller

Make = Callable[..., AdminBrowser]
Person = Callable[[str], Browser]


users = [
    pytest.param(method.upper(), path, id=operation["operationId"])
    for path, methods in describe_users()["paths"].items()
    for method, operation in methods.items()
    if "security" in operation
]
OPEN = {"admin_sign_in", "admin_open_invitation", "admin_accept_invitation"}
guarded = pytest.mark.parametrize("operation_id", [name for name in CASES if name not in OPEN])


def test_only_what_signs_one_in_is_open() -> None:
    operations = [one for methods in describe()["paths"].values() for one in methods.values()]
    assert {one["operationId"] for one in operations if "security" not in one} == OPEN


@guarded
def test_nothing_of_a_users_opens_the_administration(
    person: Person, owner: Caller, administrator: Make, site: Site, operation_id: str
) -> None:
    """Neither a session nor a key, nor both, nor the session's token in the other cookie with a fitting CSRF token."""
    case = CASES[operation_id]
    request = {
        "method": case.method,
        "url": f"/admin/api{case.url(site)}",
        **case.make(administrator(), site),
    }
    one = person(f"{operation_id}@separation.example")
    token = one.http.cookies["drovi_session"]
    key, csrf = {"Authorization": f"Bearer {owner.tenant.key}"}, {"X-CSRF-Token": one.csrf}
    planted = {"Cookie": f"drovi_admin={token}", "X-CSRF-Token": admin_sessions.csrf_token(token)}
    answers = [one.http.request(headers=shown, **request) for shown in ({}, csrf, key, csrf | key)]
    one.http.cookies.clear()
    answers += [one.http.request(headers=shown, **request) for shown in (key, planted, planted | key)]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (401, "UNAUTHENTICATED")
    ] * len(answers)


@pytest.mark.parametrize(("method", "path"), users)
def test_nothing_of_an_administrators_opens_what_users_have(
    administrator: Make, method: str, path: str
) -> None:
    """Nor its token in the other cookie, or as a key."""
    one = administrator()
    url = "/".join(str(uuid4()) if part.startswith("{") else part for part in path.split("/"))
    token = one.http.cookies["drovi_admin"]
    answers = [one.http.request(method, url, headers={"X-CSRF-Token": one.csrf})]
    one.http.cookies.clear()
    answers.append(one.http.request(method, url, headers={"Authorization": f"Bearer {token}"}))
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (401, "UNAUTHENTICATED")
    ] * 2


def test_an_administrators_token_is_no_users_session(administrator: Make) -> None:
    one = administrator()
    token = one.http.cookies["drovi_admin"]
    one.http.cookies.clear()
    planted = {"Cookie": f"drovi_session={token}", "X-CSRF-Token": sessions.csrf_token(token)}
    for method, path in (("GET", "/api/v1/auth/me"), ("GET", "/api/v1/auth/session")):
        assert one.http.request(method, path, headers=planted).status_code == 401
    assert one.http.request("POST", "/api/v1/auth/sign-out", headers=planted).status_code == 401


def test_a_user_with_such_an_address_is_no_administrator(person: Person, admin_browser: Make) -> None:
    """Who signs up with an address of the administrators' domain owns an organisation, and nothing else."""
    one = person("carla@drovi.co")
    assert one("GET", "/auth/me").status_code == 200
    assert admin_browser().password(PASSWORD, "carla@drovi.co").status_code == 401


def test_an_administrator_is_no_user(administrator: Make, browser: Callable[[], Browser]) -> None:
    one = administrator()
    assert browser().sign_in(one.email, ADMIN_PASSWORD).status_code == 401


def test_somebody_who_is_both_signs_in_twice(person: Person, admin_browser: Make, invited) -> None:
    """One browser holds both sessions; each opens its own door, and ends alone."""
    user, one = person("both@drovi.co"), admin_browser()
    one.http = user.http
    assert one.accept(invited("both@drovi.co")).status_code == 201
    assert one.password(PASSWORD).status_code == 401
    assert one("GET", "/organisations").status_code == 200
    assert user("GET", "/auth/me").status_code == 200
    assert user.csrf != one.csrf
    assert one("POST", "/auth/sign-out", headers={"X-CSRF-Token": user.csrf}).status_code == 403
    assert user("POST", "/auth/sign-out").status_code == 200
    assert user("GET", "/auth/me").status_code == 401
    assert one("GET", "/organisations").status_code == 200


def test_an_administrators_link_opens_no_account_of_a_user(
    invited, person: Person, browser: Callable[[], Browser], admin_browser: Make, letters: Letters
) -> None:
    """Nor a user's link the administration: a token of one purpose is none of another."""
    token = invited("dora@drovi.co")
    account = {"token": token, "name": "D", "password": PASSWORD, "organisation_name": "D"}
    assert browser()("POST", "/auth/sign-up/complete", json=account).status_code == 422
    reset = {"token": token, "password": PASSWORD}
    assert browser()("POST", "/auth/password/reset", json=reset).status_code == 422
    ticket = {"ticket": token, "code": "123456"}
    assert browser()("POST", "/auth/sign-in/second-factor", json=ticket).status_code == 422

    person("emil@drovi.co")
    browser()("POST", "/auth/password/forgotten", json={"email": "emil@drovi.co"})
    assert admin_browser().accept(letters.token("emil@drovi.co")).status_code == 422
    browser()("POST", "/auth/sign-up", json={"email": "fred@drovi.co"})
    assert admin_browser().accept(letters.token("fred@drovi.co")).status_code == 422
    assert admin_browser().accept(token).status_code == 201


def test_the_users_document_does_not_name_the_administration(owner: Caller) -> None:
    document = owner("GET", "/openapi.json").text
    assert "/admin/api" not in document
