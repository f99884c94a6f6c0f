"""Becoming an administrator, and signing in as one: a password and then a code, always."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pyotp
import pytest
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.runtime import ApiRuntime
from tests.api.admin.conftest import ADMIN_PASSWORD, AdminBrowser, Log
from tests.api.auth.conftest import Browser, Letters

Make = Callable[..., AdminBrowser]
Invite = Callable[[str], str]
NEW_PASSWORD = "another lantern, another landing"
OTHER_CODE = "000000"


def test_an_invitation_a_password_and_a_code_make_an_administrator(
    administrator: Make, letters: Letters, log: Log
) -> None:
    """The letter names who invites and how long the link lives; each step is in the platform's log."""
    one = administrator("first@drovi.co")
    (letter,) = letters.to("first@drovi.co")
    assert letter.template == "admin_invitation"
    assert letter.values["inviter"] == "Drovi"
    assert str(letter.values["link"]).startswith("http://127.0.0.1:8000/admin/invitation#token=")
    session = one("GET", "/auth/session").json()
    assert (session["email"], session["second_factor"], session["password_due"]) == (
        "first@drovi.co",
        True,
        False,
    )
    assert [entry.action for entry in log(actor_label="first@drovi.co")] == [
        "admin.invitation_opened",
        "admin.joined",
    ]


def test_an_invitation_is_good_once(administrator: Make, admin_browser: Make, letters: Letters) -> None:
    administrator("once@drovi.co")
    again = admin_browser().accept(letters.token("once@drovi.co"))
    assert (again.status_code, again.json()["code"]) == (422, "VALIDATION_ERROR")


def test_a_newer_invitation_replaces_the_one_before(admin_browser: Make, invited: Invite) -> None:
    first, second = invited("twice@drovi.co"), invited("twice@drovi.co")
    assert admin_browser().accept(first).status_code == 422
    assert admin_browser().accept(second).status_code == 201


@pytest.mark.parametrize(
    ("password", "wrong_code"),
    [("fifteen letters", False), ("administrator2026!!", False), (ADMIN_PASSWORD, True)],
    ids=["too short", "guessed first", "wrong code"],
)
def test_what_is_not_complete_makes_nobody_an_administrator(
    admin_browser: Make, invited: Invite, password: str, wrong_code: bool
) -> None:
    """Nothing of it is kept, so that the link still works and the password alone opens nothing."""
    token, one = invited("half@drovi.co"), admin_browser()
    one.email = "half@drovi.co"
    one.secret = one("POST", "/auth/invitation", json={"token": token}).json()["secret"]
    code = OTHER_CODE if wrong_code else one.code()
    body = {"token": token, "password": password, "code": code}
    refused = one("POST", "/auth/invitation/accept", json=body)
    assert refused.status_code == 422
    assert password not in refused.text
    assert one.password(password).status_code == 401
    assert one.accept(token).status_code == 201


def test_the_password_alone_opens_nothing(administrator: Make) -> None:
    """A session that waits for its code can give it, say what it is, or end; every other operation is shut."""
    one = administrator().again()
    answer = one.password()
    assert (answer.status_code, answer.json()["second_factor"]) == (200, False)
    assert one("GET", "/organisations").status_code == 401
    assert one("GET", "/auth/session").json()["second_factor"] is False
    change = {"current_password": ADMIN_PASSWORD, "new_password": NEW_PASSWORD}
    assert one("POST", "/auth/password", json=change).status_code == 401
    assert one("POST", "/auth/second-factor", json={"code": one.code()}).status_code == 200
    assert one("GET", "/organisations").status_code == 200


def test_a_code_is_taken_once(administrator: Make) -> None:
    one = administrator()
    code = one.code()
    first, second = one.again(), one.again()
    first.password()
    assert first("POST", "/auth/second-factor", json={"code": code}).status_code == 200
    second.password()
    assert second("POST", "/auth/second-factor", json={"code": code}).status_code == 401


def test_a_code_of_another_administrator_is_wrong(administrator: Make) -> None:
    one, other = administrator().again(), administrator()
    one.password()
    code = pyotp.TOTP(other.secret).now()
    assert one("POST", "/auth/second-factor", json={"code": code}).status_code == 401


def test_the_second_factor_is_not_given_twice(administrator: Make) -> None:
    one = administrator()
    answer = one("POST", "/auth/second-factor", json={"code": one.code()})
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


def test_the_token_changes_with_each_half(administrator: Make) -> None:
    """What was seen or planted before the code (fixation) is not the session that is signed in."""
    one = administrator().again()
    one.password()
    halfway = dict(one.http.cookies)
    one("POST", "/auth/second-factor", json={"code": one.code()})
    assert dict(one.http.cookies) != halfway
    one.http.cookies.clear()
    one.http.cookies.update(halfway)
    assert one("GET", "/auth/session").status_code == 401


def test_the_cookie_is_strict_and_out_of_reach_of_scripts(administrator: Make) -> None:
    one = administrator().again()
    cookie = one.password().headers["set-cookie"]
    assert cookie.startswith("drovi_admin=")
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="))


def test_over_https_the_cookie_is_bound_to_the_host(runtime: ApiRuntime, administrator: Make) -> None:
    one = administrator().again()
    secure = replace(runtime, public_url="https://drovi.example")
    one.http = TestClient(create_app(secure), base_url="https://drovi.example")
    cookie = one.password().headers["set-cookie"]
    assert cookie.startswith("__Host-drovi_admin=")
    assert "Secure" in cookie
    assert "Domain" not in cookie


def test_signing_out_ends_the_session_for_good(administrator: Make, log: Log) -> None:
    one = administrator()
    kept = dict(one.http.cookies)
    assert one("POST", "/auth/sign-out").status_code == 200
    one.http.cookies.update(kept)
    assert one("GET", "/organisations").status_code == 401
    assert log(actor_label=one.email)[-1].action == "session.ended"


def test_signing_in_ends_the_session_the_browser_had(administrator: Make) -> None:
    one = administrator()
    kept = dict(one.http.cookies)
    one.sign_in()
    one.http.cookies.clear()
    one.http.cookies.update(kept)
    assert one("GET", "/auth/session").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [{"X-CSRF-Token": ""}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=["no token", "origin", "fetch"],
)
def test_another_sites_page_changes_nothing(administrator: Make, headers: dict[str, str]) -> None:
    one = administrator()
    for method, path in (("POST", "/auth/sign-out"), ("POST", "/administrators")):
        refused = one(method, path, headers=headers, json={"email": "x@drovi.co"})
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    if "X-CSRF-Token" not in headers:
        body = {"email": one.email, "password": ADMIN_PASSWORD}
        assert one.again()("POST", "/auth/sign-in", headers=headers, json=body).status_code == 403


def test_a_site_that_may_use_the_users_api_may_not_use_this_one(
    runtime: ApiRuntime, administrator: Make
) -> None:
    """It could read the answers too, where it is a sibling site whose requests carry even a strict cookie."""
    one = administrator()
    cookies = dict(one.http.cookies)
    open_to = replace(runtime, allowed_origins=frozenset({"https://app.firm.example"}))
    one.http = TestClient(create_app(open_to))
    one.http.cookies.update(cookies)
    body = {"email": one.email, "password": ADMIN_PASSWORD}
    headers = {"Origin": "https://app.firm.example"}
    for method, path, sent in (("POST", "/auth/sign-in", body), ("GET", "/organisations", None)):
        assert one(method, path, headers=headers, json=sent).status_code == 403
    assert one("GET", "/organisations").status_code == 200


def test_refusals_of_a_sign_in_take_the_same_time_and_hold_nothing(
    runtime: ApiRuntime, administrator: Make
) -> None:
    """None leaves before the time that all of them take."""
    one = administrator().again()
    one.http = TestClient(create_app(replace(runtime, even_seconds=0.5)))
    for email in (one.email, "nobody@drovi.co", "nobody@firm.example"):
        before = time.monotonic()
        assert one.password("not the password at all", email).status_code == 401
        assert time.monotonic() - before >= 0.5


def test_an_unknown_address_answers_as_a_wrong_password_and_both_are_written_down(
    administrator: Make, log: Log
) -> None:
    one = administrator().again()
    wrong = one.password("not the password at all").json()
    unknown = one.password(ADMIN_PASSWORD, "nobody@drovi.co").json()
    elsewhere = one.password(ADMIN_PASSWORD, "nobody@firm.example").json()
    for answer in (wrong, unknown, elsewhere):
        del answer["request_id"]
    assert wrong == unknown == elsewhere
    assert wrong["status"] == 401
    failed = [entry.actor_label for entry in log(action="session.failed")]
    assert failed[-3:] == [one.email, "nobody@drovi.co", "nobody@firm.example"]


def test_guessing_is_stopped_by_account_whether_it_exists_or_not(administrator: Make) -> None:
    """Ten attempts, codes among them, then none: not with the right password either."""
    one = administrator().again()
    for email in (one.email, "nobody@drovi.co"):
        statuses = [one.password(f"guess number {n}", email).status_code for n in range(12)]
        assert statuses == [401] * 10 + [429] * 2
    assert one.password().status_code == 429


def test_codes_cannot_be_guessed(administrator: Make) -> None:
    one = administrator().again()
    one.password()
    wrong = [one("POST", "/auth/second-factor", json={"code": OTHER_CODE}).status_code for _ in range(11)]
    assert wrong == [401] * 9 + [429] * 2


def test_whoever_uses_up_a_users_attempts_keeps_no_administrator_out(
    administrator: Make, browser: Callable[[], Browser]
) -> None:
    """The buckets are apart, for the same address too."""
    one = administrator().again()
    for n in range(11):
        browser().sign_in(one.email, f"guess number {n}")
    assert browser().sign_in(one.email, "once more").status_code == 429
    assert one.sign_in().status_code == 200
