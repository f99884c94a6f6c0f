"""The rules of single sign-on.

A person is who the provider's issuer and subject say. An address counts once: when they first come, it finds their
account or their invitation, and only where the provider vouches for it. Whatever goes wrong on the way ends on our
sign-in page, which is told a reason and no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import UUID

from drovi_api import authentication
from drovi_api.auth import begin
from drovi_api.auth.oidc.schemas import Reason, SingleSignOn
from drovi_api.context import Origin
from drovi_api.dependencies import API_PREFIX
from drovi_api.entrance import Visit
from drovi_api.runtime import ApiRuntime
from resources.audit import Action
from resources.errors import (
    Conflict,
    DroviError,
    Forbidden,
    Invalid,
    NeedsPerson,
    NotConfigured,
    RateLimited,
    Transient,
    Unauthenticated,
)
from resources.identity import addresses, limits, links, people, tokens
from resources.identity.links import Departure
from resources.identity.provider import Identity, OpenIdProvider
from resources.mailer import Locale
from resources.telemetry import get_logger

_MAX_NAME = 200
# Printable ASCII that begins with one slash and holds no backslash: browsers read //evil and /\evil as another site.
_OWN_PATH = re.compile(r"/(?!/)[!-\[\]-~]*")
_REASONS: tuple[tuple[type[DroviError], Reason], ...] = (
    (Invalid, Reason.EXPIRED),
    (Unauthenticated, Reason.REFUSED),
    (Forbidden, Reason.NOT_INVITED),
    (Conflict, Reason.ADDRESS_NOT_VERIFIED),
    (RateLimited, Reason.TOO_MANY_ATTEMPTS),
    (Transient, Reason.PROVIDER_UNAVAILABLE),
    (NeedsPerson, Reason.PROVIDER_MISCONFIGURED),
)

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Landing:
    """Where the browser goes next, and the cookies it takes along."""

    location: str
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Returning:
    """What a browser that comes back shows. None of it is believed as it stands."""

    state: str
    browser: str = field(repr=False)
    session_token: str = field(repr=False)
    code: str = field(repr=False)
    issuer: str | None
    error: str


def offered(runtime: ApiRuntime) -> SingleSignOn:
    """What the sign-in page shows."""
    provider = runtime.provider
    return SingleSignOn(available=provider is not None, name=provider.registration.name if provider else "")


def start(runtime: ApiRuntime, origin: Origin, return_to: str) -> Landing:
    """Away to the provider.

    Raises:
        NotConfigured: there is none.
        Invalid: ``return_to`` is not a path of ours.
    """
    provider = _provider(runtime)
    _require_own_path(return_to)

    def leave() -> Landing:
        limits.take(runtime.identity, limits.SINGLE_SIGN_ON_BY_ADDRESS, origin.address)
        leaving = Departure.new()
        with runtime.arriving.admitted():
            location = provider.authorization_url(
                redirect_uri=_redirect_uri(runtime),
                state=leaving.state,
                nonce=leaving.nonce,
                challenge=leaving.challenge,
            )
        with runtime.identity.transaction() as connection:
            links.depart(connection, provider.registration.issuer, leaving, return_to)
        return Landing(location, (authentication.departure_cookie(runtime, leaving.browser, links.LIFETIME),))

    return _or_sign_in_page(runtime, leave)


def finish(runtime: ApiRuntime, origin: Origin, returning: Returning) -> Landing:
    """Back from the provider: a session, the question for the second factor, or the sign-in page.

    Raises:
        NotConfigured: there is no provider.
    """
    provider = _provider(runtime)

    def arrive() -> Landing:
        limits.take(runtime.identity, limits.SINGLE_SIGN_ON_BY_ADDRESS, origin.address)
        departure = Departure(returning.state, returning.browser)
        # Committed before anything else is tried: a sign-in comes back once, whatever becomes of it.
        with runtime.identity.transaction() as connection:
            return_to = links.come_back(connection, provider.registration.issuer, departure)
        if return_to is None:
            raise Invalid("The sign-in is over, or began in another browser.", remedy="Sign in again.")
        provider.require_issuer(returning.issuer)
        if returning.error:
            return _sign_in_page(
                runtime, Reason.CANCELLED if returning.error == "access_denied" else Reason.REFUSED
            )
        with runtime.arriving.admitted():
            identity = provider.identify(
                code=returning.code,
                redirect_uri=_redirect_uri(runtime),
                verifier=departure.verifier,
                nonce=departure.nonce,
            )
        with runtime.identity.transaction() as connection:
            visit = Visit(connection, runtime, origin, returning.session_token)
            location = _admitted(visit, provider, identity, return_to)
        return Landing(location, tuple(visit.cookies))

    landing = _or_sign_in_page(runtime, arrive)
    spent = authentication.departure_cookie(runtime, "", links.LIFETIME)
    return Landing(landing.location, (spent, *landing.cookies))


def _admitted(visit: Visit, provider: OpenIdProvider, identity: Identity, return_to: str) -> str:
    """Where the person goes: with a session to their page, or to the question for their second factor."""
    email = _proven_address(identity)
    domains = provider.registration.allowed_domains
    if domains and (email is None or addresses.domain_of(email) not in domains):
        raise Forbidden("Addresses of that domain do not sign in here.", remedy="Use your firm's account.")
    user_id = links.person_of(visit.connection, identity.issuer, identity.subject)
    if user_id is None:
        user_id = _first_time(visit, identity, email)
    person = people.by_id(visit.connection, user_id)
    if person is None or person.disabled:
        begin.record_failure(visit, person)
        raise Unauthenticated("The account is disabled.", remedy="Ask your administrator.")
    if person.second_factor:
        ticket = tokens.issue(visit.connection, tokens.Purpose.SECOND_FACTOR, person.email, person.id)
        page = f"{visit.runtime.public_url}/sign-in/second-factor"
        return f"{page}#ticket={ticket}&return_to={quote(return_to, safe='')}"
    begin.session(visit, person.id)
    return visit.runtime.public_url + return_to


def _first_time(visit: Visit, identity: Identity, email: str | None) -> UUID:
    """The account that the provider's person has from now on: theirs by its address, or a new one."""
    if email is None:
        raise Conflict(
            "The sign-in provider does not vouch for the address.",
            remedy="Verify it there, then sign in again.",
        )
    person = people.by_email(visit.connection, email)
    if person is not None:
        if not person.verified:
            raise Conflict(
                "The account's address was never verified.", remedy="Sign in by password and verify it first."
            )
        if not person.disabled:
            links.link(visit.connection, identity.issuer, identity.subject, person.id)
            begin.record_for_all(visit, Action.IDENTITY_LINKED, person.id, after={"issuer": identity.issuer})
        return person.id
    if not visit.runtime.open_sign_up and not links.is_invited(visit.connection, email):
        raise Forbidden(
            "Accounts are by invitation here.", remedy="Ask your organisation's owner to invite you."
        )
    name = identity.name[:_MAX_NAME] or email.partition("@")[0]
    locale: Locale = "fr" if identity.locale.lower().startswith("fr") else "en"
    user_id = people.create(visit.connection, email, name, locale, None)
    links.link(visit.connection, identity.issuer, identity.subject, user_id)
    begin.record_for_all(visit, Action.IDENTITY_LINKED, user_id, after={"issuer": identity.issuer})
    return user_id


def _proven_address(identity: Identity) -> str | None:
    if not identity.email_verified:
        return None
    try:
        return addresses.normalise(identity.email)
    except Invalid:
        return None


def _provider(runtime: ApiRuntime) -> OpenIdProvider:
    if runtime.provider is None:
        raise NotConfigured(
            "Single sign-on is not set up here.",
            remedy="Sign in by password, or ask your administrator to set DROVI_OIDC_ISSUER.",
        )
    return runtime.provider


def _redirect_uri(runtime: ApiRuntime) -> str:
    """To the letter what is registered at the provider."""
    return f"{runtime.public_url}{API_PREFIX}/auth/oidc/callback"


def _require_own_path(return_to: str) -> None:
    """Refuse what would lead out of our own pages."""
    if not _OWN_PATH.fullmatch(return_to):
        raise Invalid(
            "return_to is not a path of ours.", remedy="Send a path such as /find, or leave it out."
        )


def _or_sign_in_page(runtime: ApiRuntime, lead: Callable[[], Landing]) -> Landing:
    """Where ``lead`` leads; after an error of ours, the sign-in page with its reason."""
    try:
        return lead()
    except DroviError as error:
        reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), None)
        if reason is None:
            raise
        _log.warning("single sign-on ended", reason=reason.value, detail=str(error))
        return _sign_in_page(runtime, reason)


def _sign_in_page(runtime: ApiRuntime, reason: Reason) -> Landing:
    return Landing(f"{runtime.public_url}/sign-in?problem={reason.value}")
