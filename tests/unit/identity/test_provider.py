"""What the settings make of single sign-on, before anything is asked of a provider."""

from __future__ import annotations

from contextlib import closing

import pytest

from resources.errors import NotConfigured
from resources.http import HttpClient
from resources.identity.provider import challenge_of, open_provider
from resources.settings import Settings

ISSUER = "https://login.firm.example/realms/firm/"


def test_nothing_is_configured_by_default() -> None:
    with closing(HttpClient()) as http:
        assert open_provider(Settings(), http) is None


def test_the_issuer_is_kept_to_the_letter_and_domains_in_lower_case() -> None:
    """A slash at its end is part of an issuer's name."""
    settings = Settings(
        oidc_issuer=ISSUER,
        oidc_client_id="drovi",
        oidc_client_secret="planted",
        oidc_allowed_domains="Firm.example  other.example",
        oidc_scopes="openid  email",
    )
    with closing(HttpClient()) as http:
        provider = open_provider(settings, http)
    assert provider is not None
    assert provider.registration.issuer == ISSUER
    assert provider.registration.allowed_domains == {"firm.example", "other.example"}
    assert provider.registration.scopes == "openid email"
    assert "planted" not in repr(provider.registration) + repr(settings)


@pytest.mark.parametrize(
    "given", [{}, {"oidc_client_id": "drovi", "oidc_scopes": "email profile"}], ids=["client", "scope"]
)
def test_half_a_configuration_does_not_start(given: dict[str, str]) -> None:
    with closing(HttpClient()) as http, pytest.raises(NotConfigured, match="by half") as refused:
        open_provider(Settings(oidc_issuer=ISSUER, **given), http)
    assert "DROVI_OIDC_CLIENT_ID" in refused.value.remedy


def test_the_challenge_is_the_one_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
