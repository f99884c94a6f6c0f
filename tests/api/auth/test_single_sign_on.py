"""Signing in by an OpenID provider: whose account it opens, and who is let in at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.api.auth.conftest import Browser, Letters
from tests.api.auth.round_trip import claims, problem, sign_in, who
from tests.api.auth.test_second_factor import Code, code, enrol  # noqa: F401 - a fixture
from tests.conftest import Database
from tests.emulators.oidc import Hostility, OidcProvider

Person = Callable[[str], Browser]
Browsers = Callable[..., Browser]


def test_without_a_provider_the_page_is_told_and_the_routes_say_what_to_do(
    browser: Callable[[], Browser],
) -> None:
    one = browser()
    assert one("GET", "/auth/oidc").json() == {"available": False, "name": ""}
    for path in ("start", "callback?state=x&code=y"):
        answer = one("GET", f"/auth/oidc/{path}", follow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (409, "NOT_CONFIGURED")
        assert "DROVI_OIDC_ISSUER" in answer.json()["remedy"]


def test_a_verified_address_finds_its_account_once_and_the_subject_from_then_on(
    person: Person, browsers: Browsers, provider: OidcProvider
) -> None:
    """Whatever the address at the provider becomes; and the browser ends on the page it wanted."""
    account = person("known@sso.example")
    provider.person = claims("known", "Known@SSO.example")
    one = browsers(name="Firm's directory")
    assert one("GET", "/auth/oidc").json() == {"available": True, "name": "Firm's directory"}
    assert sign_in(one, "/matters?open=1#top") == "/matters?open=1#top"
    assert who(one) == account.email
    assert one("GET", "/auth/me").json()["role"] == "OWNER"
    provider.person = claims("known", "somebody-else@sso.example", verified=False)
    again = browsers()
    assert sign_in(again) == "/find"
    assert who(again) == account.email


def test_a_new_person_is_let_in_where_sign_up_is_open_or_by_invitation(
    person: Person, browsers: Browsers, provider: OidcProvider, api_database: Database
) -> None:
    provider.person = claims("newcomer", "newcomer@sso.example", locale="fr-FR")
    closed = browsers(open_sign_up=False)
    assert sign_in(closed) == problem("not_invited")
    host = person("host@sso.example")("GET", "/auth/session").json()["organisation_id"]
    invite = text(
        "INSERT INTO invitation (org_id, email, role, token_hash, expires_at)"
        " VALUES (:org, 'newcomer@sso.example', 'MEMBER', :hash, now() + make_interval(days => :days))"
    )
    with api_database.worker.organisation(UUID(host)) as session:
        session.execute(invite, {"org": host, "hash": b"1" * 32, "days": -1})
    assert sign_in(closed) == problem("not_invited")
    with api_database.worker.organisation(UUID(host)) as session:
        session.execute(text("UPDATE invitation SET expires_at = now() + interval '1 day'"))
    assert sign_in(closed) == "/find"
    assert who(closed) == "newcomer@sso.example"
    assert closed("GET", "/auth/session").json()["locale"] == "fr"
    provider.person = claims("walk-in", "walk-in@sso.example")
    opened = browsers()
    assert sign_in(opened) == "/find"
    assert opened("GET", "/auth/session").json()["organisations"] == []


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_that_the_provider_does_not_vouch_for_opens_nothing(
    person: Person, browsers: Browsers, provider: OidcProvider, verified: Any
) -> None:
    """Anybody can claim a partner's address at a provider that does not check."""
    account = person(f"claimed-{verified}@sso.example".lower())
    provider.person = claims(f"claims-{verified}", account.email, verified=verified)
    one = browsers()
    assert sign_in(one) == problem("address_not_verified")
    assert who(one) is None


def test_an_account_whose_address_was_never_proven_is_not_handed_over(
    person: Person, browsers: Browsers, provider: OidcProvider, api_database: Database
) -> None:
    """Somebody may have prepared it for the address's owner."""
    account = person("prepared@sso.example")
    with api_database.identity.transaction() as session:
        session.execute(
            text("UPDATE app_user SET email_verified_at = NULL WHERE email = :email"),
            {"email": account.email},
        )
    provider.person = claims("prepared", account.email)
    assert sign_in(browsers()) == problem("address_not_verified")


def test_a_disabled_account_stays_closed(
    person: Person, browsers: Browsers, provider: OidcProvider, api_database: Database
) -> None:
    """Linked or not."""
    account = person("disabled@sso.example")
    provider.person = claims("disabled", account.email)
    one = browsers()
    disable = text("UPDATE app_user SET disabled_at = :at WHERE email = :email")
    for links_first in (False, True):
        if links_first:
            with api_database.identity.transaction() as session:
                session.execute(disable, {"at": None, "email": account.email})
            assert sign_in(one) == "/find"
        with api_database.identity.transaction() as session:
            session.execute(disable, {"at": "2026-01-01", "email": account.email})
        assert sign_in(browsers()) == problem("refused")
        assert who(one) is None


def test_only_the_configured_domains_sign_in(
    person: Person, browsers: Browsers, provider: OidcProvider
) -> None:
    """Of a provider that signs in half the world; someone who was linked before included."""
    account = person("private@elsewhere.example")
    provider.person = claims("private", account.email)
    assert sign_in(browsers()) == "/find"
    for email, verified in (
        (account.email, True),
        ("private@sso.example", False),
        ("x@sub.sso.example", True),
    ):
        provider.person = claims("private", email, verified=verified)
        assert sign_in(browsers(allowed_domains=frozenset({"sso.example"}))) == problem("not_invited")
    provider.person = claims("private", "private@sso.example")
    assert sign_in(browsers(allowed_domains=frozenset({"sso.example"}))) == "/find"


def test_the_second_factor_is_asked_for_all_the_same(
    person: Person,
    browsers: Browsers,
    provider: OidcProvider,
    code: Code,  # noqa: F811 - a fixture
) -> None:
    """The ticket stands in the fragment, which no server sees."""
    account = person("factor@sso.example")
    secret, _ = enrol(account, code)
    provider.person = claims("factor", account.email)
    one = browsers()
    landed = urlsplit(sign_in(one, "/matters?open=1"))
    assert (landed.path, landed.query) == ("/sign-in/second-factor", "")
    shown = parse_qs(landed.fragment)
    assert shown["return_to"] == ["/matters?open=1"]
    assert who(one) is None
    body = {"ticket": shown["ticket"][0], "code": code(secret)}
    assert one("POST", "/auth/sign-in/second-factor", json=body).status_code == 200
    assert who(one) == account.email


def test_an_address_that_the_token_leaves_out_is_asked_for(
    browsers: Browsers, provider: OidcProvider
) -> None:
    """And is not taken where it is said of somebody else."""
    short = {"email": None, "email_verified": None}
    provider.person = claims("short", "short@sso.example")
    provider.hostility = Hostility(claims=short)
    one = browsers()
    assert sign_in(one) == "/find"
    assert who(one) == "short@sso.example"
    provider.hostility = Hostility(claims=short, userinfo={"sub": "somebody else"})
    assert sign_in(browsers()) == problem("refused")


def test_the_session_before_ends_and_the_audit_log_tells_of_it(
    person: Person, browsers: Browsers, provider: OidcProvider, api_database: Database, letters: Letters
) -> None:
    """Whoever planted a session in the browser (fixation) is not in the one that begins."""
    account, planter = person("audited@sso.example"), person("planter@sso.example")
    planted = dict(planter.http.cookies)
    provider.person = claims("audited", account.email)
    one = browsers()
    one.http.cookies.update(planted)
    assert sign_in(one) == "/find"
    assert who(one) == account.email
    assert who(planter) is None
    org_id = one("GET", "/auth/session").json()["organisation_id"]
    with api_database.worker.organisation(UUID(org_id)) as session:
        entries = session.execute(
            text("SELECT action, after FROM audit_entry WHERE org_id = :org ORDER BY sequence DESC LIMIT 2"),
            {"org": org_id},
        ).all()
    assert [tuple(entry) for entry in entries] == [
        ("session.started", None),
        ("identity.linked", {"issuer": provider.issuer}),
    ]
