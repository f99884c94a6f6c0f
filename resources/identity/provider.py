"""Single sign-on: the one OpenID provider that an installation is configured for, and what it says of a person.

OpenID Connect Core 1.0 by the authorization code flow, with PKCE (RFC 7636) and the issuer in the answer (RFC 9207).
Nothing a browser carries is believed: the code is exchanged over a connection of ours, and the ID token's signature,
issuer, audience, nonce and times are checked, with asymmetric algorithms alone. The provider's own description and
keys are kept for an hour; a key that is not among them has them read again.
"""

from __future__ import annotations

import base64
import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from joserfc.util import json_b64decode
from pydantic import AfterValidator, BaseModel, ValidationError

from resources.errors import NotConfigured, ProviderDown, Unauthenticated
from resources.http import Answer, HttpClient
from resources.settings import Settings, check_tls

KEPT_SECONDS: Final = 3600.0
LEEWAY_SECONDS: Final = 60
"""Between the provider's clock and ours."""
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_KEY_TYPES: Final = frozenset({"RSA", "EC"})
"""Never ``oct``: a token signed with what everybody knows, such as a public key taken for a shared one, is anybody's."""

Kept = TypeVar("Kept")
_Endpoint = Annotated[str, AfterValidator(check_tls)]


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for. ``email`` is as it was given, and proven only where ``email_verified``."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str
    locale: str


@dataclass(frozen=True, slots=True)
class Registration:
    """How this installation is registered at the provider."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str = "Single sign-on"
    scopes: str = "openid email profile"
    allowed_domains: frozenset[str] = frozenset()


class Description(BaseModel):
    """What we use of the provider's discovery document (OpenID Connect Discovery 1.0, 3); every address over TLS."""

    issuer: str
    authorization_endpoint: _Endpoint
    token_endpoint: _Endpoint
    jwks_uri: _Endpoint
    userinfo_endpoint: _Endpoint | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False


class OpenIdProvider:
    """The provider, asked over one HTTP client. Safe to share among threads."""

    def __init__(self, registration: Registration, http: HttpClient) -> None:
        self.registration = registration
        self._http = http
        self._description = _Kept(self._read_description)
        self._keys = _Kept(self._read_keys)

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Where the browser goes to sign in.

        Raises:
            NotConfigured: the provider does not describe itself as what is configured.
            Transient: it does not answer.
        """
        endpoint = self._description.get().authorization_endpoint
        asked = {
            "response_type": "code",
            "client_id": self.registration.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.registration.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    def require_issuer(self, shown: str | None) -> None:
        """Refuse an answer that another provider gave (mix-up; RFC 9207, 2.4).

        Raises:
            Unauthenticated: it names another issuer, or none where this one always does.
        """
        expected = self._description.get()
        if shown is None and not expected.authorization_response_iss_parameter_supported:
            return
        if shown is None or not hmac.compare_digest(shown.encode(), expected.issuer.encode()):
            raise _not_trusted("iss")

    def identify(self, *, code: str, redirect_uri: str, verifier: str, nonce: str) -> Identity:
        """Exchange the code, and read who signed in from the ID token.

        Raises:
            Unauthenticated: the provider does not take the code, or its token cannot be trusted.
            NotConfigured: the provider does not take our credentials.
            Transient: it does not answer.
        """
        tokens = self._exchange(code, redirect_uri, verifier)
        access_token = tokens.get("access_token")
        token = tokens.get("id_token")
        if not isinstance(token, str) or not isinstance(access_token, str):
            raise _not_trusted("no token")
        claims = self._verified(token, nonce, access_token)
        about = claims if "email" in claims else self._user_info(claims, access_token)
        return Identity(
            issuer=self.registration.issuer,
            subject=claims["sub"],
            email=_text(about, "email"),
            email_verified=about.get("email_verified") is True,
            name=_text(about, "name"),
            locale=_text(about, "locale"),
        )

    def _exchange(self, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        description, registration = self._description.get(), self.registration
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json"}
        if not registration.client_secret:
            form["client_id"] = registration.client_id
        elif "client_secret_basic" in description.token_endpoint_auth_methods_supported:
            headers["Authorization"] = _basic(registration)
        else:
            form |= {"client_id": registration.client_id, "client_secret": registration.client_secret}
        answer = self._http.post_form(description.token_endpoint, form, headers)
        if answer.status == 200:
            return answer.json()
        # Its own words are not passed on: they may quote what was sent.
        if answer.status == 401 or _error_of(answer) in {"invalid_client", "unauthorized_client"}:
            raise NotConfigured(
                "The sign-in provider does not accept our credentials.",
                remedy="Correct DROVI_OIDC_CLIENT_ID and DROVI_OIDC_CLIENT_SECRET.",
            )
        raise Unauthenticated("The sign-in provider does not take the code.", remedy="Sign in again.")

    def _verified(self, token: str, nonce: str, access_token: str) -> CodeIDToken:
        """The ID token's claims (OpenID Connect Core 1.0, 3.1.3.7)."""
        try:
            decoded = self._decoded(token)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self.registration.issuer},
                    "aud": {"essential": True, "value": self.registration.client_id},
                    "sub": {"essential": True},
                },
                params={
                    "nonce": nonce,
                    "client_id": self.registration.client_id,
                    "access_token": access_token,
                },
            )
            claims.validate(now=int(time.time()), leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _not_trusted(type(error).__name__) from None
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise _not_trusted("sub")
        return claims

    def _decoded(self, token: str) -> jwt.Token:
        """With any of the keys that the token may be signed with; keys we do not know yet are read first."""
        header = json_b64decode(token.partition(".")[0].encode())
        if not isinstance(header, dict) or header.get("alg") not in _ALGORITHMS:
            raise _not_trusted("alg")
        kid = header.get("kid")
        keys = _candidates(self._keys.get(), kid) or _candidates(self._keys.anew(), kid)
        for key in keys:
            try:
                return jwt.decode(token, key, algorithms=list(_ALGORITHMS))
            except (JoseError, ValueError, TypeError):
                continue
        raise _not_trusted("signature")

    def _user_info(self, claims: CodeIDToken, access_token: str) -> dict[str, Any]:
        """What a provider with short ID tokens says at its userinfo endpoint (OpenID Connect Core 1.0, 5.3)."""
        endpoint = self._description.get().userinfo_endpoint
        if endpoint is None:
            return dict(claims)
        answer = self._http.get(endpoint, {"Authorization": f"Bearer {access_token}"})
        if answer.status != 200:
            return dict(claims)
        about = answer.json()
        if about.get("sub") != claims["sub"]:
            raise _not_trusted("userinfo sub")
        return about

    def _read_description(self) -> Description:
        answer = self._http.get(get_well_known_url(self.registration.issuer, external=True))
        remedy = "Correct DROVI_OIDC_ISSUER: it is the provider's issuer to the letter, as its documentation gives it."
        try:
            description = Description.model_validate(answer.json() if answer.status == 200 else {})
        except ValidationError:
            raise NotConfigured(
                "The sign-in provider does not describe itself as OpenID Connect asks.", remedy=remedy
            ) from None
        if description.issuer != self.registration.issuer:
            raise NotConfigured("The sign-in provider calls itself by another name.", remedy=remedy)
        return description

    def _read_keys(self) -> list[jwk.Key]:
        answer = self._http.get(self._description.get().jwks_uri)
        listed = answer.json().get("keys") if answer.status == 200 else None
        if not isinstance(listed, list):
            raise ProviderDown("The sign-in provider does not show its keys.")
        return [key for one in listed if (key := _key(one)) is not None]


def open_provider(settings: Settings, http: HttpClient) -> OpenIdProvider | None:
    """The provider that the settings name; None where single sign-on is not configured.

    Raises:
        NotConfigured: a setting that it needs is missing.
    """
    if not settings.oidc_issuer:
        return None
    scopes = settings.oidc_scopes.split()
    if not settings.oidc_client_id or "openid" not in scopes:
        raise NotConfigured(
            "Single sign-on is configured by half.",
            remedy="Set DROVI_OIDC_CLIENT_ID, and `openid` among DROVI_OIDC_SCOPES, as DROVI_OIDC_ISSUER is set.",
        )
    registration = Registration(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        name=settings.oidc_name,
        scopes=" ".join(scopes),
        allowed_domains=frozenset(settings.oidc_allowed_domains.lower().split()),
    )
    return OpenIdProvider(registration, http)


def challenge_of(verifier: str) -> str:
    """What PKCE shows of the verifier before the verifier itself (RFC 7636, 4.2: S256)."""
    challenge: str = create_s256_code_challenge(verifier)
    return challenge


class _Kept(Generic[Kept]):
    """A value that is read when first needed, and again after an hour."""

    def __init__(self, read: Callable[[], Kept]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._value: Kept | None = None
        self._until = 0.0

    def get(self) -> Kept:
        """The value. Raises what reading it raises."""
        with self._lock:
            if self._value is not None and time.monotonic() < self._until:
                return self._value
            return self._again()

    def anew(self) -> Kept:
        """The value as it is now. Raises what reading it raises."""
        with self._lock:
            return self._again()

    def _again(self) -> Kept:
        self._value = self._read()
        self._until = time.monotonic() + KEPT_SECONDS
        return self._value


def _candidates(keys: list[jwk.Key], kid: object) -> list[jwk.Key]:
    """The keys that a token may be signed with: the one it names, or any where it names none."""
    return [key for key in keys if kid is None or key.kid == kid]


def _key(given: Any) -> jwk.Key | None:
    """A key to verify with; None for one of another kind or use, which a provider may well list."""
    if not isinstance(given, dict) or given.get("kty") not in _KEY_TYPES or given.get("use", "sig") != "sig":
        return None
    try:
        return jwk.import_key(given)
    except (JoseError, ValueError, TypeError):
        return None


def _basic(registration: Registration) -> str:
    """RFC 6749, 2.3.1: both are form-encoded before they are joined."""
    joined = f"{quote(registration.client_id, safe='')}:{quote(registration.client_secret, safe='')}"
    return "Basic " + base64.b64encode(joined.encode()).decode()


def _error_of(answer: Answer) -> str:
    try:
        return str(answer.json().get("error", ""))
    except ProviderDown:
        return ""


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.strip() if isinstance(value, str) else ""


def _not_trusted(what: str) -> Unauthenticated:
    return Unauthenticated(
        f"What the sign-in provider says cannot be trusted ({what}).",
        remedy="Sign in again; if it stays, tell your administrator.",
    )
