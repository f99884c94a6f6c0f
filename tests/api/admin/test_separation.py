"""Two doors: what opens the one opens nothing behind the other."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from drovi_api.admin.app import describe
from drovi_api.app import describe as describe_users
from tests.api.admin.conftest import ADMIN_PASSWORD, AdminBrowser
from tests.api.auth.conftest import PASSWORD, Browser, Letters
from tests.api.conftest import Caller

Make = Callable[..., AdminBrowser]
Person = Callable[[str], Browser]


def _operations(document: dict) -> list:
    return [
        pytest.param(method.upper(), path, operation, id=operation["operationId"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


guarded = [one for one in _operations(describe()) if "security" in one.values[2]]
users = [one for one in _operations(describe_users()) if "security" in one.values[2]]


def _url(path: str) -> str:
    return "/".join(str(uuid4()) if part.startswith("{") else part for part in path.split("/"))


def test_only_what_signs_one_in_is_open() -> None:
    open_ones = {one.id for one in _operations(describe())} - {one.id for one in guarded}
    assert open_ones == {"admin_sign_in", "admin_open_invitation", "admin_accept_invitation"}


@pytest.mark.parametrize(("method", "path", "operation"), guarded)
def test_nothing_of_a_users_opens_the_administration(
    person: Person, owner: Caller, method: str, path: str, operation: dict
) -> None:
    """Neither a session nor a key, nor both, nor the session's token in the other cookie."""
    one = person(f"{operation['operationId']}@separation.example")
    key = {"Authorization": f"Bearer {owner.tenant.key}"}
    planted = {"Cookie": f"drovi_admin={one.http.cookies['drovi_session']}"}
    csrf = {"X-CSRF-Token": one.csrf}
    for shown in ({}, csrf, key, csrf | key):
        refused = one.http.request(method, f"/admin/api{_url(path)}", headers=shown, json={})
        assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")
    with_key = owner.http.request(method, f"/admin/api{_url(path)}", headers=key, json={})
    assert with_key.status_code == 401
    one.http.cookies.clear()
    refused = one.http.request(method, f"/admin/api{_url(path)}", headers=planted | csrf, json={})
    assert refused.status_code in ({401} if method == "GET" else {401, 403})


@pytest.mark.parametrize(("method", "path", "operation"), users)
def test_nothing_of_an_administrators_opens_what_users_have(
    administrator: Make, method: str, path: str, operation: dict
) -> None:
    """Nor its token in the other cookie."""
    one = administrator()
    token = one.http.cookies["drovi_admin"]
    refused = one.http.request(method, _url(path), headers={"X-CSRF-Token": one.csrf}, json={})
    assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")
    one.http.cookies.clear()
    planted = {"Cookie": f"drovi_session={token}", "X-CSRF-Token": one.csrf}
    refused = one.http.request(method, _url(path), headers=planted, json={})
    assert refused.status_code in ({401} if method == "GET" else {401, 403})
    bearer = {"Authorization": f"Bearer {token}"}
    assert one.http.request(method, _url(path), headers=bearer, json={}).status_code == 401


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
