"""A person's own account: another address, name and language."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import text

from tests.api.auth.conftest import PASSWORD, Browser, Letters
from tests.conftest import Database

Person = Callable[[str], Browser]


def ask(one: Browser, email: str, password: str = PASSWORD) -> int:
    return one("POST", "/auth/email", json={"email": email, "password": password}).status_code


def confirm(one: Browser, token: str) -> int:
    return one("POST", "/auth/email/confirm", json={"token": token}).status_code


def test_strangers_change_nobodys_account(browser: Callable[[], Browser]) -> None:
    stranger = browser()
    assert ask(stranger, "taken@account.example") == 401
    assert confirm(stranger, "anything") == 401
    assert stranger("PATCH", "/auth/me", json={"name": "Nobody"}).status_code == 401


def test_a_new_address_is_proven_before_it_counts(
    person: Person, browser: Callable[[], Browser], letters: Letters
) -> None:
    """It takes the password and the link; the old address is told, and other sessions end."""
    one = person("old@account.example")
    second = browser()
    second.sign_in(one.email)
    assert ask(one, "New@Account.example", "not the password at all") == 403
    assert letters.to("new@account.example") == []
    assert ask(one, "New@Account.example") == 202
    (notice,) = [each for each in letters.to(one.email) if each.template == "email_change_requested"]
    assert notice.values["address"] == "new@account.example"
    assert letters.to("new@account.example")[0].template == "change_email"
    assert one("GET", "/auth/session").json()["email"] == one.email
    token = letters.token("new@account.example")
    assert confirm(one, token) == 200
    assert one("GET", "/auth/session").json()["email"] == "new@account.example"
    assert second("GET", "/auth/session").status_code == 401
    assert confirm(one, token) == 422
    assert browser().sign_in(one.email).status_code == 401
    assert browser().sign_in("new@account.example").status_code == 200


def test_a_link_to_reset_the_password_does_not_outlive_its_address(
    person: Person, browser: Callable[[], Browser], letters: Letters
) -> None:
    """Whoever still reads the mail of the old address gets in no more."""
    one = person("left-behind@account.example")
    browser()("POST", "/auth/password/forgotten", json={"email": one.email})
    reset = letters.token(one.email)
    ask(one, "moved@account.example")
    assert confirm(one, letters.token("moved@account.example")) == 200
    body = {"token": reset, "password": "a new ladder, a new barn"}
    assert browser()("POST", "/auth/password/reset", json=body).status_code == 422


def test_an_address_with_an_account_answers_the_same_and_stays_its_owners(
    person: Person, letters: Letters
) -> None:
    one, owner = person("wants@account.example"), person("has@account.example")
    letters.forget()
    assert ask(one, owner.email) == 202
    assert [letter.template for letter in letters.to(owner.email)] == ["account_exists"]
    assert ask(one, one.email) == 422


def test_an_account_that_was_made_meanwhile_is_a_conflict(
    person: Person, letters: Letters, browser: Callable[[], Browser]
) -> None:
    one = person("slow@account.example")
    ask(one, "fought-over@account.example")
    token = letters.token("fought-over@account.example")
    person("fought-over@account.example")
    assert confirm(one, token) == 409
    assert one("GET", "/auth/session").json()["email"] == one.email


def test_a_link_works_in_a_session_of_its_own_account_alone(person: Person, letters: Letters) -> None:
    """Not for a stranger whom it reached by a typing mistake; and another's wish for the address does not spoil it."""
    one, other = person("asks@account.example"), person("reads@account.example")
    ask(one, "shared@account.example")
    token = letters.token("shared@account.example")
    ask(other, "shared@account.example")
    assert confirm(other, token) == 422
    assert confirm(one, token) == 200


def test_only_the_latest_wish_counts(person: Person, letters: Letters) -> None:
    one = person("undecided@account.example")
    ask(one, "first@account.example")
    first = letters.token("first@account.example")
    ask(one, "second@account.example")
    assert confirm(one, first) == 422
    assert confirm(one, letters.token("second@account.example")) == 200


def test_an_organisation_keeps_its_members_to_its_domains(person: Person, api_database: Database) -> None:
    """An address may not lead out of the domains that the organisation's policy allows."""
    one = person("inside@account.example")
    org_id = one("GET", "/auth/session").json()["organisation_id"]
    with api_database.worker.organisation(UUID(org_id)) as session:
        session.execute(
            text(
                "INSERT INTO organisation_policy (org_id, allowed_email_domains) VALUES (:org, '{account.example,firm.example}')"
            ),
            {"org": org_id},
        )
    assert ask(one, "me@elsewhere.example") == 403
    assert ask(one, "me@firm.example") == 202


def test_name_and_language_change_alone(person: Person, letters: Letters) -> None:
    """What is not named stays; letters follow the language."""
    one = person("renamed@account.example")
    assert one("PATCH", "/auth/me", json={"name": "  Anne Morel-Duval "}).json() == {
        "email": one.email,
        "name": "Anne Morel-Duval",
        "locale": "en",
    }
    assert one("PATCH", "/auth/me", json={"locale": "fr"}).json()["name"] == "Anne Morel-Duval"
    assert one("GET", "/auth/session").json()["locale"] == "fr"
    assert one("GET", "/auth/me").json()["user"]["name"] == "Anne Morel-Duval"
    one("POST", "/auth/password/forgotten", json={"email": one.email})
    assert letters.to(one.email)[-1].locale == "fr"
    for body in ({"name": " "}, {"locale": "de"}, {"email": "x@y.example"}):
        assert one("PATCH", "/auth/me", json=body).status_code == 422


def test_what_changes_an_account_is_in_the_audit_log(
    person: Person, letters: Letters, api_database: Database
) -> None:
    """With the values before and after."""
    one = person("logged@account.example")
    org_id = one("GET", "/auth/session").json()["organisation_id"]
    one("PATCH", "/auth/me", json={"name": "Claire Petit"})
    ask(one, "logged-anew@account.example")
    confirm(one, letters.token("logged-anew@account.example"))
    with api_database.worker.organisation(UUID(org_id)) as session:
        entries = session.execute(
            text(
                "SELECT action, before, after FROM audit_entry WHERE org_id = :org"
                " AND action ~ '^(email|profile)' ORDER BY sequence"
            ),
            {"org": org_id},
        ).all()
    assert [tuple(entry) for entry in entries] == [
        (
            "profile.changed",
            {"name": "Anne Morel", "locale": "en"},
            {"name": "Claire Petit", "locale": "en"},
        ),
        ("email.change_requested", None, {"email": "logged-anew@account.example"}),
        ("email.changed", {"email": one.email}, {"email": "logged-anew@account.example"}),
    ]
