"""How often something may be tried: token buckets in the database, which all processes and machines share.

A bucket is named by a hash, so the table tells nobody who tried. Taking is a transaction of its own, committed before
the attempt: one that fails, or is cut off, still counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from resources.database import IdentityDatabase
from resources.errors import RateLimited
from resources.hashing import digest


@dataclass(frozen=True, slots=True)
class Limit:
    """``attempts`` at once; they come back evenly over ``seconds``."""

    name: str
    attempts: int
    seconds: float


SIGN_IN_BY_ACCOUNT = Limit("sign-in/account", 10, 15 * 60)
SIGN_IN_BY_ADDRESS = Limit("sign-in/address", 50, 15 * 60)
"""With what comes back meanwhile, under a hundred failures in a quarter of an hour. A firm of 250 seats comes from one
address too: who gets in gives their attempt back."""
MAIL_BY_ACCOUNT = Limit("mail/account", 5, 60 * 60)
MAIL_BY_ADDRESS = Limit("mail/address", 50, 60 * 60)
SINGLE_SIGN_ON_BY_ADDRESS = Limit("single-sign-on/address", 1000, 15 * 60)
"""Two a sign-in, and a whole firm signs in at nine; nothing can be guessed here, each costs a question to the provider."""
TOKEN_BY_ADDRESS = Limit("token/address", 1000, 15 * 60)
"""Invitations, resets and confirmations: a whole firm looks at its 250 invitations and accepts them from one address."""
INVITATION_BY_ACCOUNT = Limit("invitation/account", 5, 60 * 60)
INVITATION_BY_ORGANISATION = Limit("invitation/organisation", 300, 60 * 60)
INVITATION_LIST_BY_ORGANISATION = Limit("invitation-list/organisation", 10, 60 * 60)
"""What an organisation can have mailed to people who never asked for it is bounded."""
FOUNDING_BY_ACCOUNT = Limit("founding/account", 10, 24 * 60 * 60)
ADMIN_SIGN_IN_BY_ACCOUNT = Limit("admin/sign-in/account", 10, 15 * 60)
ADMIN_SIGN_IN_BY_ADDRESS = Limit("admin/sign-in/address", 50, 15 * 60)
ADMIN_TOKEN_BY_ADDRESS = Limit("admin/token/address", 50, 15 * 60)
ADMIN_MAIL_BY_ACCOUNT = Limit("admin/mail/account", 5, 60 * 60)
"""Administrators have buckets of their own: whoever uses up a user's attempts keeps no administrator out."""

_TAKE = text(
    """
    INSERT INTO rate_limit AS known (bucket, tokens) VALUES (:bucket, :attempts - 1)
    ON CONFLICT (bucket) DO UPDATE SET
        tokens = least(:attempts, known.tokens
            + extract(epoch FROM clock_timestamp() - known.refilled_at)::real * :per_second) - 1,
        refilled_at = clock_timestamp()
    WHERE known.tokens + extract(epoch FROM clock_timestamp() - known.refilled_at)::real * :per_second >= 1
    RETURNING tokens
    """
)
_WAIT = text(
    """
    SELECT greatest(1, (1 - tokens) / :per_second - extract(epoch FROM clock_timestamp() - refilled_at)) AS seconds
    FROM rate_limit WHERE bucket = :bucket
    """
)
_GIVE_BACK = text("UPDATE rate_limit SET tokens = least(:attempts, tokens + :given) WHERE bucket = :bucket")


def take(database: IdentityDatabase, limit: Limit, subject: str) -> None:
    """Use up one attempt of ``subject`` (an address, an account).

    Raises:
        RateLimited: none is left; ``retry_after`` says when one is.
    """
    names = {
        "bucket": digest(limit.name, subject),
        "attempts": limit.attempts,
        "per_second": limit.attempts / limit.seconds,
    }
    with database.transaction() as connection:
        if connection.execute(_TAKE, names).one_or_none() is not None:
            return
        seconds = float(connection.execute(_WAIT, names).scalar_one())
    raise RateLimited(
        "That was tried too often.",
        remedy=f"Try again in {_in_words(seconds)}.",
        retry_after=seconds,
    )


def give_back(database: IdentityDatabase, limit: Limit, subject: str, attempts: int | None = None) -> None:
    """Put attempts back, all of them where no number is said: who got in is no guesser."""
    with database.transaction() as connection:
        connection.execute(
            _GIVE_BACK,
            {
                "bucket": digest(limit.name, subject),
                "attempts": limit.attempts,
                "given": attempts or limit.attempts,
            },
        )


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
