"""The rules of passwords and sessions, and that another setting counts for what was there before it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.api.admin.conftest import ADMIN_PASSWORD, AdminBrowser

Make = Callable[..., AdminBrowser]
PASSWORDS = [f"{word} lanterns on every landing" for word in ("one", "two", "three", "four", "five", "six")]


def change(one: AdminBrowser, old: str, new: str):
    one.run("DELETE FROM rate_limit")
    return one("POST", "/auth/password", json={"current_password": old, "new_password": new})


def under(one: AdminBrowser, admin_browser: Make, **rules: int) -> AdminBrowser:
    """The same browser, once the installation has other rules."""
    cookies = dict(one.http.cookies)
    one.http = admin_browser(**rules).http
    one.http.cookies.update(cookies)
    return one


def test_none_of_the_last_five_passwords_is_taken_again(administrator: Make) -> None:
    one, used = administrator(), [ADMIN_PASSWORD]
    for new in PASSWORDS[:4]:
        assert change(one, used[-1], new).status_code == 200
        used.append(new)
    for old in used:
        refused = change(one, used[-1], old)
        assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_ERROR"), old
    assert change(one, used[-1], PASSWORDS[4]).status_code == 200
    assert change(one, PASSWORDS[4], ADMIN_PASSWORD).status_code == 200


def test_nor_by_way_of_a_new_invitation(administrator: Make, admin_browser: Make, invited) -> None:
    one = administrator()
    one.run("UPDATE admin_user SET disabled_at = now() WHERE email = :email", email=one.email)
    token = invited(one.email)
    assert admin_browser().accept(token).status_code == 422
    assert admin_browser().accept(token, PASSWORDS[0]).status_code == 201


def test_a_change_needs_the_present_password(administrator: Make) -> None:
    one = administrator()
    assert change(one, "not the password at all", PASSWORDS[0]).status_code == 403
    assert one.again().sign_in().status_code == 200


def test_a_change_ends_the_other_sessions_and_renews_this_one(administrator: Make) -> None:
    one = administrator()
    other, before = one.again(), dict(one.http.cookies)
    other.sign_in()
    assert change(one, ADMIN_PASSWORD, PASSWORDS[0]).status_code == 200
    assert dict(one.http.cookies) != before
    assert one("GET", "/organisations").status_code == 200
    assert other("GET", "/organisations").status_code == 401


def test_a_change_makes_the_session_no_longer(administrator: Make) -> None:
    """Eight hours are eight hours from the sign-in, however often the password is replaced."""
    one = administrator()
    one.run("UPDATE admin_session SET created_at = now() - interval '7 hours 59 minutes'")
    ends = one("GET", "/auth/session").json()["expires_at"]
    assert change(one, ADMIN_PASSWORD, PASSWORDS[0]).json()["expires_at"] == ends


@pytest.mark.parametrize(
    "aged",
    [
        {"statement": "UPDATE admin_user SET password_changed_at = now() - interval '91 days'"},
        {
            "password_days": 10,
            "statement": "UPDATE admin_user SET password_changed_at = now() - interval '11 days'",
        },
        {"min_password": 20, "statement": "SELECT 1"},
    ],
    ids=["90 days", "fewer days set since", "more letters asked for since"],
)
def test_a_password_that_is_due_opens_the_way_to_replace_it_alone(
    administrator: Make, admin_browser: Make, aged: dict
) -> None:
    """In sessions that are open as in new ones, from the next request on."""
    one = administrator()
    one.run(aged.pop("statement"))
    under(one, admin_browser, **aged)
    refused = one("GET", "/organisations")
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert one.sign_in().json()["password_due"] is True
    assert one("GET", "/organisations").status_code == 403
    assert change(one, ADMIN_PASSWORD, PASSWORDS[0]).json()["password_due"] is False
    assert one("GET", "/organisations").status_code == 200


def test_a_shorter_password_than_is_asked_for_is_refused(administrator: Make) -> None:
    one = administrator(min_password=24)
    assert change(one, ADMIN_PASSWORD, "a lantern on each stair").status_code == 422
    assert change(one, ADMIN_PASSWORD, "a lantern on every stair").status_code == 200


@pytest.mark.parametrize(
    ("rules", "aged"),
    [
        ({}, "last_seen_at = now() - interval '31 minutes'"),
        ({}, "created_at = now() - interval '8 hours 1 minute'"),
        ({"session_minutes": 5}, "last_seen_at = now() - interval '6 minutes'"),
        ({"session_hours": 1}, "created_at = now() - interval '61 minutes'"),
        ({}, "revoked_at = now()"),
    ],
    ids=["idle", "too long", "less idleness set since", "fewer hours set since", "revoked"],
)
def test_a_session_is_over(
    administrator: Make, admin_browser: Make, rules: dict[str, int], aged: str
) -> None:
    one = under(administrator(), admin_browser, **rules)
    assert one("GET", "/organisations").status_code == 200
    one.run(f"UPDATE admin_session SET {aged}")
    assert one("GET", "/organisations").status_code == 401
    assert one("GET", "/auth/session").status_code == 401


def test_a_session_lasts_while_it_is_used(administrator: Make) -> None:
    """Each request begins the half hour anew."""
    one = administrator()
    for _ in range(2):
        one.run("UPDATE admin_session SET last_seen_at = now() - interval '29 minutes'")
        assert one("GET", "/organisations").status_code == 200
    assert one.run(
        "SELECT bool_and(last_seen_at > now() - interval '1 minute') FROM admin_session"
    ).scalar_one()


def test_a_code_is_waited_for_five_minutes(administrator: Make) -> None:
    one = administrator().again()
    one.password()
    one.run(
        "UPDATE admin_session SET created_at = now() - interval '6 minutes' WHERE second_factor_at IS NULL"
    )
    assert one("POST", "/auth/second-factor", json={"code": one.code()}).status_code == 401
