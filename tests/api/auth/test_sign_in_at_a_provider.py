"""The way to an OpenID provider and back: an honest one, a hostile one, and whoever stands between it and us."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from resources.identity.links import Departure
from tests.api.auth.conftest import Browser
from tests.api.auth.round_trip import at_provider, claims, come_back, leave, problem, sign_in, who
from tests.conftest import Database
from tests.emulators.oidc import CLIENT_ID, Hostility, OidcProvider

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
