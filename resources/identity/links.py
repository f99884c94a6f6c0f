"""Single sign-on in the database: sign-ins that have left for the provider, and who a person is there.

The row of a sign-in is good for one return, of the browser that left. What the provider is shown (nonce, PKCE verifier)
is derived from a secret that only that browser's cookie holds, so the row alone completes nothing.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from resources.hashing import digest
from resources.identity import tokens
from resources.identity.provider import challenge_of
from resources.schema import identity_link, invitation, oidc_sign_in

LIFETIME: Final = timedelta(minutes=10)
_STATE, _BROWSER = "oidc-state", "oidc-browser"


@dataclass(frozen=True, slots=True)
class Departure:
    """A sign-in as its browser knows it: the secret stays in its cookie, the state travels."""

    state: str
    browser: str

    @classmethod
    def new(cls) -> Departure:
        """A sign-in that nobody can guess."""
        return cls(state=tokens.new(), browser=tokens.new())

    @property
    def nonce(self) -> str:
        """What the ID token must repeat."""
        return self._derived("oidc-nonce")

    @property
    def verifier(self) -> str:
        """What the code is exchanged with (PKCE): 43 characters."""
        return self._derived("oidc-verifier")

    @property
    def challenge(self) -> str:
        """What is shown of the verifier when the browser leaves."""
        return challenge_of(self.verifier)

    def _derived(self, use: str) -> str:
        return base64.urlsafe_b64encode(digest(use, self.browser, self.state)).decode().rstrip("=")


def depart(connection: Connection, issuer: str, leaving: Departure, return_to: str) -> None:
    """Remember a sign-in that leaves for the provider."""
    connection.execute(
        insert(oidc_sign_in).values(
            state_hash=tokens.hash_of(_STATE, leaving.state),
            browser_hash=tokens.hash_of(_BROWSER, leaving.browser),
            provider=issuer,
            nonce=_nonce_hash(leaving),
            code_verifier=leaving.challenge,
            return_to=return_to,
            expires_at=func.now() + LIFETIME,
        )
    )


def come_back(connection: Connection, issuer: str, returning: Departure) -> str | None:
    """Take the row of a sign-in away and say where it wanted to go; None where there is none for this browser.

    The row goes whoever shows its state: a second try of the same sign-in never succeeds.
    """
    row = connection.execute(
        delete(oidc_sign_in)
        .where(oidc_sign_in.c.state_hash == tokens.hash_of(_STATE, returning.state))
        .returning(oidc_sign_in, (oidc_sign_in.c.expires_at > func.now()).label("in_time"))
    ).one_or_none()
    if row is None or not row.in_time or row.provider != issuer:
        return None
    own = (
        hmac.compare_digest(bytes(row.browser_hash), tokens.hash_of(_BROWSER, returning.browser))
        and hmac.compare_digest(row.nonce, _nonce_hash(returning))
        and hmac.compare_digest(row.code_verifier, returning.challenge)
    )
    return str(row.return_to) if own else None


def person_of(connection: Connection, issuer: str, subject: str) -> UUID | None:
    """Whose account the provider's person opens; others who ask for the same one wait until the transaction ends."""
    lock = int.from_bytes(digest("identity-link", issuer, subject)[:8], "big", signed=True)
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
    known: UUID | None = connection.execute(
        select(identity_link.c.user_id).where(
            identity_link.c.issuer == issuer, identity_link.c.subject == subject
        )
    ).scalar_one_or_none()
    return known


def link(connection: Connection, issuer: str, subject: str, user_id: UUID) -> None:
    """From now on the provider's person opens this account."""
    connection.execute(insert(identity_link).values(issuer=issuer, subject=subject, user_id=user_id))


def is_invited(connection: Connection, email: str) -> bool:
    """Whether an invitation of this (normalised) address stands."""
    standing = select(invitation.c.id).where(
        invitation.c.email == email,
        invitation.c.accepted_at.is_(None),
        invitation.c.revoked_at.is_(None),
        invitation.c.expires_at > func.now(),
    )
    return connection.execute(standing.limit(1)).one_or_none() is not None


def _nonce_hash(departure: Departure) -> str:
    return tokens.hash_of("oidc-nonce", departure.nonce).hex()
