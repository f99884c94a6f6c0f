"""Signing in by an OpenID provider: an honest one, a hostile one, and whoever stands between it and us."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2 as httpx
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.runtime import ApiRuntime
from resources.http import Budget, HttpClient
from resources.identity.links import Departure
from resources.identity.provider import OpenIdProvider, Registration
from tests.api.auth.conftest import Browser, Letters
from tests.api.auth.test_second_factor import Code, code, enrol  # noqa: F401 - a fixture
from tests.conftest import Database
from tests.emulators.oidc import CLIENT_ID, CLIENT_SECRET, Hostility, OidcProvider

Person = Callable[[str], Browser]
Browsers = Callable[..., Browser]

NOW = int(time.time())
UNTRUSTED: dict[str, Hostility] = {
    "wrong nonce": Hostility(claims={"nonce": "of another sign-in"}),
    "no nonce": Hostility(claims={"nonce": None}),
    "wrong audience": Hostility(claims={"aud": "another-client"}),
    "no audience": Hostility(claims={"aud": None}),
    "several audiences, ours not named as the one it is for": Hostility(claims={"aud": [CLIENT_ID, "other"]}),
    "for another party": Hostility(claims={"aud": [CLIENT_ID, "other"], "azp": "other"}),
    "wrong issuer": Hostility(claims={"iss": "https://accounts.evil.example"}),
    "expired": Hostility(claims={"iat": NOW - 7200, "exp": NOW - 3600}),
    "no end": Hostility(claims={"exp": None}),
    "an end that is no number": Hostility(claims={"exp": "never"}),
    "of tomorrow": Hostility(claims={"iat": NOW + 86400, "exp": NOW + 90000}),
    "nobody": Hostility(claims={"sub": None}),
    "a subject that is no text": Hostility(claims={"sub": ["a", "b"]}),
    "of another access token": Hostility(claims={"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
    "unsigned": Hostility(algorithm="none"),
    "signed with the public key": Hostility(algorithm="HS256"),
    "signed with a key of somebody else": Hostility(unknown_key=True),
    "changed after it was signed": Hostility(broken_signature=True),
}


@pytest.fixture(scope="module")
def running() -> Iterator[OidcProvider]:
    with OidcProvider() as provider:
        yield provider


@pytest.fixture
def provider(running: OidcProvider) -> OidcProvider:
    """At its best behaviour."""
    running.hostility = Hostility()
    running.asked.clear()
    return running


@pytest.fixture
def http() -> Iterator[HttpClient]:
    client = HttpClient(Budget(seconds=2.0, step_seconds=1.0))
    yield client
    client.close()


@pytest.fixture
def browsers(runtime: ApiRuntime, provider: OidcProvider, http: HttpClient) -> Browsers:
    """Makes browsers of an installation that the provider is configured for."""

    def make(*, open_sign_up: bool = True, **registration: Any) -> Browser:
        registered = {"issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        configured = OpenIdProvider(Registration(**registered | registration), http)
        app = create_app(dataclasses.replace(runtime, provider=configured, open_sign_up=open_sign_up))
        return Browser(TestClient(app, raise_server_exceptions=False))

    return make


def claims(subject: str, email: str, *, verified: Any = True, **more: Any) -> dict[str, Any]:
    return {"sub": subject, "email": email, "email_verified": verified, "name": "Anne Morel", **more}


def leave(one: Browser, return_to: str = "/find") -> httpx.Response:
    return one.http.get("/api/v1/auth/oidc/start", params={"return_to": return_to}, follow_redirects=False)


def at_provider(left: httpx.Response) -> str:
    """What the provider answers the browser: path and query of where it is sent back to."""
    assert left.status_code == 303, left.text
    back = urlsplit(httpx.get(left.headers["location"], follow_redirects=False).headers["location"])
    return f"{back.path}?{back.query}"


def come_back(one: Browser, callback: str) -> str:
    """Where the browser lands, without the site."""
    answer = one.http.get(callback, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    location = urlsplit(answer.headers["location"])
    assert location.netloc == "127.0.0.1:8000"
    return answer.headers["location"].removeprefix("http://127.0.0.1:8000")


def sign_in(one: Browser, return_to: str = "/find") -> str:
    return come_back(one, at_provider(leave(one, return_to)))


def who(one: Browser) -> str | None:
    answer = one("GET", "/auth/session")
    return answer.json()["email"] if answer.status_code == 200 else None


def problem(reason: str) -> str:
    return f"/sign-in?problem={reason}"


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


def test_the_departure_cookie_is_out_of_reach_and_short_lived(
    browsers: Browsers, provider: OidcProvider
) -> None:
    provider.person = claims("cookie", "cookie@sso.example")
    one = browsers()
    left = leave(one)
    cookie = left.headers["set-cookie"]
    assert all(word in cookie for word in ("drovi_departure=", "HttpOnly", "SameSite=Lax", "Max-Age=600"))
    come_back(one, at_provider(left))
    assert "drovi_departure" not in one.http.cookies


def test_the_row_of_a_started_sign_in_completes_nothing(browsers: Browsers, api_database: Database) -> None:
    """A stolen database holds neither state, nonce, verifier nor the browser's secret."""
    one = browsers()
    shown = parse_qs(urlsplit(leave(one).headers["location"]).query)
    secret, state = one.http.cookies["drovi_departure"], shown["state"][0]
    departure = Departure(state, secret)
    assert shown["nonce"] == [departure.nonce]
    assert shown["code_challenge"] == [departure.challenge]
    with api_database.identity.transaction() as session:
        stored = session.execute(text("SELECT string_agg(o::text, ' ') FROM oidc_sign_in o")).scalar_one()
    assert departure.challenge in stored
    for value in (secret, state, departure.nonce, departure.verifier):
        assert value not in stored
        assert value.encode().hex() not in stored


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "https://evil.example", "evil.example", "", "javascript:alert(1)",
     "/\t/evil.example", "/%0d\r\nSet-Cookie: x=y", " //evil.example", "/" + "x" * 600],
)  # fmt: skip
def test_nobody_is_led_out_of_our_pages(browsers: Browsers, path: str) -> None:
    answer = leave(browsers(), path)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")


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


@pytest.mark.parametrize("kind", UNTRUSTED)
def test_a_token_that_cannot_be_trusted_opens_nothing(
    person: Person, browsers: Browsers, provider: OidcProvider, api_database: Database, kind: str
) -> None:
    subject = kind.replace(" ", "-").replace(",", "")
    account = person(f"{subject}@untrusted.example")
    provider.person = claims(subject, account.email)
    provider.hostility = UNTRUSTED[kind]
    one = browsers()
    assert sign_in(one) == problem("refused")
    assert who(one) is None
    with api_database.identity.transaction() as session:
        assert not session.execute(
            text("SELECT 1 FROM identity_link WHERE subject = :subject"), {"subject": subject}
        ).all()
    provider.hostility = Hostility()
    assert sign_in(one) == "/find"


def test_a_sign_in_comes_back_once(browsers: Browsers, provider: OidcProvider) -> None:
    """A callback that somebody found in a log opens nothing, in the browser it is from neither."""
    provider.person = claims("once", "once@sso.example")
    one = browsers()
    left = leave(one)
    kept = dict(one.http.cookies)
    callback = at_provider(left)
    assert come_back(one, callback) == "/find"
    one.http.cookies.clear()
    one.http.cookies.update(kept)
    assert come_back(one, callback) == problem("expired")
    assert who(one) is None


def test_a_sign_in_comes_back_to_the_browser_it_left(browsers: Browsers, provider: OidcProvider) -> None:
    """Nobody is signed in as somebody else by a link (login CSRF), and two sign-ins cannot be swapped."""
    attacker, victim = browsers(), browsers()
    provider.person = claims("attacker", "attacker@sso.example")
    theirs = at_provider(leave(attacker))
    assert come_back(victim, theirs) == problem("expired")
    assert come_back(attacker, theirs) == problem("expired")
    provider.person = claims("victim", "victim@sso.example")
    own, other = at_provider(leave(victim)), at_provider(leave(attacker))
    assert come_back(victim, other) == problem("expired")
    assert come_back(attacker, own) == problem("expired")
    assert who(victim) is None
    assert who(attacker) is None


def test_a_code_of_another_sign_in_is_not_taken(browsers: Browsers, provider: OidcProvider) -> None:
    """An injected code fails at the provider, by PKCE, since its verifier is another's."""
    provider.person = claims("injected", "injected@sso.example")
    stolen = parse_qs(urlsplit(at_provider(leave(browsers()))).query)["code"][0]
    one = browsers()
    own = at_provider(leave(one))
    mine = parse_qs(urlsplit(own).query)["code"][0]
    assert come_back(one, own.replace(mine, stolen)) == problem("refused")
    assert who(one) is None


def test_a_sign_in_that_took_too_long_is_over(
    browsers: Browsers, provider: OidcProvider, api_database: Database
) -> None:
    provider.person = claims("slow", "slow@sso.example")
    one = browsers()
    callback = at_provider(leave(one))
    with api_database.identity.transaction() as session:
        session.execute(text("UPDATE oidc_sign_in SET expires_at = now()"))
    assert come_back(one, callback) == problem("expired")


@pytest.mark.parametrize("query", ["", "?state=made-up&code=made-up", "?code=x", "?error=access_denied"])
def test_a_callback_that_nobody_left_for_is_over(browsers: Browsers, query: str) -> None:
    assert come_back(browsers(), f"/api/v1/auth/oidc/callback{query}") == problem("expired")


def test_an_answer_of_another_provider_is_not_taken(browsers: Browsers, provider: OidcProvider) -> None:
    """Mix-up (RFC 9207): it names another issuer, or none where ours always names itself."""
    provider.person = claims("mixed", "mixed@sso.example")
    for answer in ({"iss": "https://accounts.evil.example"}, {"iss": None}, {"iss": ""}):
        provider.hostility = Hostility(answer=answer)
        assert sign_in(browsers()) == problem("refused")
    assert provider.asked["/token"] == 0
    silent = {"authorization_response_iss_parameter_supported": False}
    provider.hostility = Hostility(answer={"iss": None}, description=silent)
    assert sign_in(browsers()) == "/find"


def test_a_sign_in_that_left_for_another_provider_is_over(
    browsers: Browsers, provider: OidcProvider, api_database: Database
) -> None:
    """The installation was configured anew meanwhile."""
    one = browsers()
    callback = at_provider(leave(one))
    with api_database.identity.transaction() as session:
        session.execute(text("UPDATE oidc_sign_in SET provider = 'https://before.example'"))
    assert come_back(one, callback) == problem("expired")


def test_who_turns_back_at_the_provider_is_told_so(browsers: Browsers, provider: OidcProvider) -> None:
    provider.hostility = Hostility(error="access_denied")
    assert sign_in(browsers()) == problem("cancelled")
    provider.hostility = Hostility(error="server_error")
    assert sign_in(browsers()) == problem("refused")


def test_a_provider_that_fails_is_named_as_the_cause(browsers: Browsers, provider: OidcProvider) -> None:
    """A code is never sent twice: it is good once, and the provider may have taken it."""
    provider.hostility = Hostility(token_status=503)
    assert sign_in(browsers()) == problem("provider_unavailable")
    assert provider.asked["/token"] == 1
    provider.hostility = Hostility(token_status=400)
    assert sign_in(browsers()) == problem("refused")
    one = browsers()
    callback = at_provider(leave(one))
    provider.hostility = Hostility(drip_seconds=0.2)
    started = time.monotonic()
    assert come_back(one, callback) == problem("provider_unavailable")
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "description",
    [
        {"issuer": "https://accounts.evil.example"},
        {"token_endpoint": "http://tokens.evil.example/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=lambda description: next(iter(description)),
)
def test_a_provider_that_describes_itself_wrongly_is_not_used(
    browsers: Browsers, provider: OidcProvider, description: dict[str, Any]
) -> None:
    provider.hostility = Hostility(description=description)
    left = leave(browsers())
    assert left.headers["location"].endswith(problem("provider_misconfigured"))


def test_credentials_that_the_provider_does_not_take_need_a_person(
    browsers: Browsers, provider: OidcProvider
) -> None:
    assert sign_in(browsers(client_secret="wrong")) == problem("provider_misconfigured")
    provider.person = claims("post", "post@sso.example")
    provider.hostility = Hostility(
        description={"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    )
    assert sign_in(browsers()) == "/find"


def test_description_and_keys_are_kept_and_read_again_for_a_key_that_is_new(
    browsers: Browsers, provider: OidcProvider
) -> None:
    one = browsers()
    provider.person = claims("rotates", "rotates@sso.example")
    for _ in range(3):
        assert sign_in(one) == "/find"
    assert provider.asked["/.well-known/openid-configuration"] == provider.asked["/keys"] == 1
    provider.rotate_keys()
    assert sign_in(one) == "/find"
    assert provider.asked["/keys"] == 2


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
