"""Passwords: argon2id, and the few rules that help (NIST SP 800-63B, 5.1.1: length, and not one everybody tries).

Parameters are OWASP's (Password Storage Cheat Sheet): 19 MiB, two passes, one lane; about 40 CPU-ms here. A hash made
under others is replaced when its owner next signs in.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from resources.errors import Invalid

MIN_LENGTH = 12
MAX_LENGTH = 256
"""Longer ones would make a request's cost the sender's choice."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# The core of what is tried first everywhere (SplashData's and NCSC's lists), of the length that the rule allows,
# in French too. Compared without digits and punctuation at the ends: "Password2026!" is "password".
_COMMON = frozenset(
    {
        "password", "passwort", "motdepasse", "monmotdepasse", "qwerty", "qwertyuiop", "azerty", "azertyuiop", "letmein",
        "welcome", "bienvenue", "administrator", "administrateur", "admin", "iloveyou", "jetaime", "changeme", "changez",
        "secret", "drovi", "correcthorsebatterystaple", "abcdefghijkl", "passwordpassword", "sunshine", "princess",
        "football", "monkey", "dragon", "superman", "soleil", "doudou", "chocolat", "loulou", "marseille",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether the password was right, and the hash to store instead where the old one's parameters are out of date."""

    right: bool
    new_hash: str | None = None


def hashed(password: str) -> str:
    """The hash to store, salt and parameters included."""
    return _HASHER.hash(password)


@functools.cache
def _nobodys() -> str:
    """A person without a password, and one who does not exist, cost the same check as anybody else."""
    return hashed("nobody signs in with this")


def check(stored: str | None, password: str) -> Checked:
    """Compare; takes as long where there is nothing to compare with."""
    if len(password) > MAX_LENGTH:
        password = ""
    try:
        _HASHER.verify(stored or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return Checked(right=False)
    if stored is None:
        return Checked(right=False)
    return Checked(right=True, new_hash=hashed(password) if _HASHER.check_needs_rehash(stored) else None)


def require_acceptable(password: str, email: str, *, min_length: int = MIN_LENGTH) -> None:
    """Refuse what is guessed first.

    Raises:
        Invalid: it is too short or long, holds the address's own name, or is one that everybody tries.
    """
    if not min_length <= len(password) <= MAX_LENGTH:
        raise Invalid(
            f"A password has between {min_length} and {MAX_LENGTH} characters.",
            remedy="Choose a longer one; a sentence is good.",
        )
    plain = password.casefold()
    bare = "".join(letter for letter in plain if letter.isalpha())
    local = email.partition("@")[0].casefold()
    if bare in _COMMON or len(set(plain)) <= 3 or (len(local) >= 4 and local in plain):
        raise Invalid(
            "That password is one of the first that are tried.",
            remedy="Choose one that is not a common word, a pattern or your address.",
        )
