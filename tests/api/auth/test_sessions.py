"""Signing up, in and out, and what a session's cookie does and does not open."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests.api.auth.conftest import PASSWORD, Browser, Letters
from tests.conftest import Database

Person = Callable[[str], Browser]


def test_a_sign_up_proves_the_address_before_anything_exists(
    browser: Callable[[], Browser], letters: Letters, api_database: Database
) -> None:
    """No row of a person, and no password, stands before the link in the mail was followed."""
    newcomer = browser()
    assert newcomer("POST", "/auth/sign-up", json={"email": "Claire@Sign-Up.example"}).status_code == 202
    with api_database.worker.dispatch() as session:
        assert not session.execute(
            text("SELECT 1 FROM app_user WHERE email = 'claire@sign-up.example'")
        ).all()
    token = letters.token("claire@sign-up.example")
    body = {"token": token, "name": "Claire", "password": PASSWORD, "organisation_name": "Étude Claire"}
    assert newcomer("POST", "/auth/sign-up/complete", json=body).status_code == 201
    me = newcomer("GET", "/auth/me").json()
    assert (me["user"]["email"], me["role"]) == ("claire@sign-up.example", "OWNER")
    assert me["organisation"]["slug"].startswith("etude-claire-")
    again = browser()("POST", "/auth/sign-up/complete", json=body)
    assert (again.status_code, again.json()["code"]) == (422, "VALIDATION_ERROR")


def test_signing_up_twice_answers_the_same_and_tells_the_owner(person: Person, letters: Letters) -> None:
    """Whether an address has an account is told to its owner, by mail, and to nobody else."""
    person("twice@sign-up.example")
    letters.forget()
    other = person("not-yet@sign-up.example")
    known = other("POST", "/auth/sign-up", json={"email": "twice@sign-up.example"})
    unknown = other("POST", "/auth/sign-up", json={"email": "new@sign-up.example"})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert [letter.template for letter in letters.to("twice@sign-up.example")] == ["account_exists"]


@pytest.mark.parametrize("password", ["short", "Password2026!!", "aaaaaaaaaaaaaaa", "x" * 300])
def test_a_password_that_is_guessed_first_is_refused_and_the_link_stays_good(
    browser: Callable[[], Browser], letters: Letters, password: str
) -> None:
    one = browser()
    one("POST", "/auth/sign-up", json={"email": "weak@sign-up.example"})
    body = {"token": letters.token("weak@sign-up.example"), "name": "W", "organisation_name": "W"}
    refused = one("POST", "/auth/sign-up/complete", json=body | {"password": password})
    assert refused.status_code == 422
    assert password not in refused.text
    letters.forget()


def test_a_session_cookie_is_out_of_reach_of_scripts_and_other_sites(person: Person) -> None:
    one = person("cookie@sessions.example")
    one.http.cookies.clear()
    cookie = one.sign_in().headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="))


def test_an_unknown_address_answers_as_a_wrong_password(
    person: Person, browser: Callable[[], Browser]
) -> None:
    known = person("known@sessions.example")
    wrong = browser().sign_in(known.email, "not the password at all")
    unknown = browser().sign_in("unknown@sessions.example", "not the password at all")
    strip = ("request_id",)
    assert [wrong.status_code, unknown.status_code] == [401, 401]
    assert {k: v for k, v in wrong.json().items() if k not in strip} == {
        k: v for k, v in unknown.json().items() if k not in strip
    }


@pytest.mark.parametrize("address", ["a\0b@sessions.example", "no address", "é" * 200, "a@b@c"])
def test_what_is_no_address_answers_as_an_unknown_one(browser: Callable[[], Browser], address: str) -> None:
    assert browser().sign_in(address, "not the password at all").status_code == 401


def test_the_token_changes_at_every_sign_in(person: Person) -> None:
    """A session that somebody planted before the sign-in (fixation) is not the one that is signed in."""
    one = person("fixed@sessions.example")
    before = dict(one.http.cookies)
    one.sign_in()
    after = dict(one.http.cookies)
    assert before != after
    one.http.cookies.clear()
    one.http.cookies.update(before)
    assert one("GET", "/auth/me").status_code == 401


def test_a_change_without_the_csrf_token_is_refused(person: Person) -> None:
    one = person("csrf@sessions.example")
    one.csrf = ""
    for method, path in (
        ("POST", "/auth/sign-out"),
        ("DELETE", "/auth/sessions"),
        ("POST", "/connections"),
        ("POST", "/find"),
    ):
        refused = one(method, path, json={} if method == "POST" else None)
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN"), path
    assert one("GET", "/auth/me").status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=["origin", "fetch"]
)
def test_another_sites_page_can_neither_act_nor_sign_in(person: Person, headers: dict[str, str]) -> None:
    """Not even with the token, and not to sign the visitor in as somebody else (login CSRF)."""
    one = person(f"crossed-{len(next(iter(headers)))}@sessions.example")
    assert one("POST", "/auth/sign-out", headers=headers).status_code == 403
    body = {"email": one.email, "password": PASSWORD}
    assert one("POST", "/auth/sign-in", json=body, headers=headers).status_code == 403
    one.http.close()


def test_signing_out_ends_the_session_for_good(person: Person) -> None:
    one = person("out@sessions.example")
    kept = dict(one.http.cookies)
    assert one("POST", "/auth/sign-out").status_code == 200
    one.http.cookies.update(kept)
    assert one("GET", "/auth/me").status_code == 401
    assert one("GET", "/auth/session").status_code == 401


def test_a_revoked_session_is_over_at_once(person: Person, browser: Callable[[], Browser]) -> None:
    one = person("two@sessions.example")
    second = browser()
    second.sign_in(one.email)
    sessions = one("GET", "/auth/sessions").json()["items"]
    (theirs,) = [s["id"] for s in sessions if not s["current"]]
    assert one("DELETE", f"/auth/sessions/{theirs}").status_code == 200
    assert second("GET", "/auth/me").status_code == 401
    assert one("DELETE", f"/auth/sessions/{theirs}").status_code == 404
    assert one("GET", "/auth/me").status_code == 200


def test_nobody_ends_another_persons_session(person: Person) -> None:
    one, other = person("mine@sessions.example"), person("theirs@sessions.example")
    (theirs,) = [s["id"] for s in other("GET", "/auth/sessions").json()["items"]]
    assert one("DELETE", f"/auth/sessions/{theirs}").status_code == 404
    assert other("GET", "/auth/me").status_code == 200


def test_guessing_is_stopped_by_account_whether_it_exists_or_not(
    person: Person, browser: Callable[[], Browser]
) -> None:
    """Ten attempts, then none: not with the right password either, until time has passed."""
    known = person("guessed@sessions.example")
    for email in (known.email, "nobody@sessions.example"):
        statuses = [browser().sign_in(email, f"guess number {n}").status_code for n in range(12)]
        assert statuses == [401] * 10 + [429] * 2
    refused = browser().sign_in(known.email)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


def test_guessing_many_accounts_is_stopped_by_address(browser: Callable[[], Browser]) -> None:
    """Fifty failures, and one more every eighteen seconds: under a hundred in a quarter of an hour."""
    one = browser()
    statuses = [one.sign_in(f"n{n}@many.example", "guess " * 3).status_code for n in range(60)]
    assert statuses[:50] == [401] * 50
    assert statuses.count(429) >= 5


def test_a_whole_firm_signs_in_from_one_address(person: Person) -> None:
    """Who gets in is no guesser: their attempt is not held against their colleagues."""
    one = person("firm@many.example")
    assert {one.sign_in().status_code for _ in range(60)} == {200}


def test_a_reset_ends_every_session_and_works_once(
    person: Person, browser: Callable[[], Browser], letters: Letters
) -> None:
    one = person("forgot@sessions.example")
    letters.forget()
    assert browser()("POST", "/auth/password/forgotten", json={"email": one.email}).status_code == 202
    token = letters.token(one.email)
    body = {"token": token, "password": "a new ladder, a new barn"}
    assert browser()("POST", "/auth/password/reset", json=body).status_code == 200
    assert one("GET", "/auth/me").status_code == 401
    assert browser().sign_in(one.email).status_code == 401
    assert browser().sign_in(one.email, "a new ladder, a new barn").status_code == 200
    assert browser()("POST", "/auth/password/reset", json=body).status_code == 422
    assert [letter.template for letter in letters.to(one.email)] == ["reset_password", "password_changed"]


def test_a_changed_password_ends_the_other_sessions_only(
    person: Person, browser: Callable[[], Browser]
) -> None:
    one = person("changed@sessions.example")
    second = browser()
    second.sign_in(one.email)
    wrong = {"current_password": "not it", "new_password": "a new ladder, a new barn"}
    assert one("POST", "/auth/password/change", json=wrong).status_code == 403
    right = wrong | {"current_password": PASSWORD}
    assert one("POST", "/auth/password/change", json=right).status_code == 200
    assert one("GET", "/auth/me").status_code == 200
    assert second("GET", "/auth/me").status_code == 401


def test_a_person_works_in_one_organisation_at_a_time(person: Person, api_database: Database) -> None:
    """Switching gives a new token for another organisation of theirs, and refuses one that is not."""
    one, other = person("switch@sessions.example"), person("elsewhere@sessions.example")
    mine = one("GET", "/auth/session").json()["organisation_id"]
    theirs = other("GET", "/auth/session").json()["organisation_id"]
    assert one("POST", "/auth/session/organisation", json={"organisation_id": theirs}).status_code == 403
    with api_database.worker.organisation(theirs) as session:
        session.execute(
            text("INSERT INTO membership (org_id, user_id, role) SELECT :org, id, 'VIEWER' FROM app_user WHERE email = :email"),
            {"org": theirs, "email": one.email},
        )  # fmt: skip
    assert one("POST", "/auth/session/organisation", json={"organisation_id": theirs}).status_code == 200
    me = one("GET", "/auth/me").json()
    assert (me["organisation"]["id"], me["role"]) == (theirs, "VIEWER")
    assert mine != theirs


def test_signing_in_is_in_the_audit_log_with_its_failures(
    person: Person, browser: Callable[[], Browser], api_database: Database
) -> None:
    one = person("watched@sessions.example")
    org_id = one("GET", "/auth/session").json()["organisation_id"]
    browser().sign_in(one.email, "a wrong password, surely")
    one("POST", "/auth/sign-out")
    with api_database.worker.organisation(org_id) as session:
        entries = session.execute(
            text(
                "SELECT action, actor_label, address FROM audit_entry WHERE org_id = :org ORDER BY sequence"
            ),
            {"org": org_id},
        ).all()
    assert [entry.action for entry in entries] == [
        "organisation.created",
        "session.started",
        "session.failed",
        "session.ended",
    ]
    assert {entry.actor_label for entry in entries} == {one.email}
    assert {entry.address for entry in entries} == {"testclient"}
