"""Administrators of the platform: people of its own firm, who are no users and sign in at a door of their own.

An administrator exists by invitation, and is one from the moment that the link in the mail, a password and the first
code of a second factor were given together: none has a password without a factor, or an address nobody proved. Whoever
lost either is disabled and invited anew. What :class:`Rules` say counts as it stands now, for accounts of before too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pyotp
from sqlalchemy import Connection, Row, func, insert, select, update

from resources import letters
from resources.errors import Conflict, Invalid, NotFound
from resources.identity import passwords, second_factor, tokens
from resources.identity.second_factor import Enrolment, Holder
from resources.identity.tokens import Purpose
from resources.schema import admin_user, one_time_token
from resources.secrets import Purpose as Sealing
from resources.secrets import SecretBox
from resources.settings import Settings

REMEMBERED_PASSWORDS = 5
OF_ADMINISTRATORS = Holder(admin_user, "id")
_ISSUER = "Drovi administration"
_NO_ORGANISATION = UUID(int=0)

# Plain ASCII, lower case, no quotes: an address has one spelling here, so none can pass for another.
_LOCAL_PART = re.compile(r"[a-z0-9]+(?:[._+-][a-z0-9]+)*")
_MAX_LOCAL_PART = 64
"""RFC 5321, 4.5.3.1.1."""


ACTIVE = (
    admin_user.c.email_verified_at.is_not(None)
    & admin_user.c.password_hash.is_not(None)
    & admin_user.c.totp_confirmed_at.is_not(None)
    & admin_user.c.disabled_at.is_(None)
)
"""Who can sign in, in the database's words: see ``Administrator.active``."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may be an administrator, and how they sign in; from the settings, section Administration."""

    domain: str = "drovi.co"
    min_password: int = 16
    password_days: int = 90
    session_minutes: int = 30
    session_hours: int = 8

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """What the settings say."""
        return cls(
            settings.admin_domain,
            settings.admin_min_password,
            settings.admin_password_days,
            settings.admin_session_minutes,
            settings.admin_session_hours,
        )

    def admit(self, address: str) -> bool:
        """Whether this is, letter by letter, an address of the administrators' domain."""
        local, at, domain = address.rpartition("@")
        return (
            at == "@"
            and domain == self.domain
            and len(local) <= _MAX_LOCAL_PART
            and _LOCAL_PART.fullmatch(local) is not None
        )


@dataclass(frozen=True, slots=True)
class Administrator:
    """An administrator, or somebody who was invited to be one."""

    id: UUID
    email: str
    password_hash: str | None
    password_history: tuple[str, ...]
    active: bool
    """Whether the address is proven, a password and a second factor are set, and nobody disabled the account."""


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody who was sent an invitation, and the letter that carries it."""

    admin_id: UUID
    letter_id: UUID


def by_email(connection: Connection, rules: Rules, email: str) -> Administrator | None:
    """Who has exactly this address; nobody has one that the rules do not admit."""
    if not rules.admit(email):
        return None
    row = connection.execute(_ADMINISTRATOR.where(admin_user.c.email == email)).one_or_none()
    return None if row is None else _administrator(row)


def by_id(connection: Connection, admin_id: UUID) -> Administrator | None:
    """Who has this id."""
    row = connection.execute(_ADMINISTRATOR.where(admin_user.c.id == admin_id)).one_or_none()
    return None if row is None else _administrator(row)


def every(connection: Connection) -> list[Row[Any]]:
    """Every administrator, disabled and invited ones included, by address."""
    return list(connection.execute(select(admin_user, ACTIVE.label("active")).order_by(admin_user.c.email)))


def invite(
    connection: Connection, box: SecretBox, rules: Rules, email: str, *, inviter: str, public_url: str
) -> Invited:
    """Send somebody the link that makes them an administrator.

    One that was sent before works no more. A disabled administrator stays disabled until they have followed it.

    Raises:
        Invalid: it is no address of the administrators' domain, spelt as it is there.
        Conflict: they are an administrator already.
    """
    if not rules.admit(email):
        raise Invalid(
            f"Administrators have addresses at {rules.domain}, in lower case.",
            remedy=f"Give one like name@{rules.domain}: letters, digits, and . _ + - between them.",
        )
    known = by_email(connection, rules, email)
    if known is not None and known.active:
        raise Conflict(
            "They are an administrator already.",
            remedy="Disable the account first, if its password or second factor is lost.",
        )
    admin_id: UUID = (
        known.id
        if known is not None
        else connection.execute(
            insert(admin_user).values(email=email).returning(admin_user.c.id)
        ).scalar_one()
    )
    token = tokens.issue(connection, Purpose.ADMIN_INVITATION, email, None)
    letter_id = letters.queue(
        connection,
        box,
        to=email,
        locale="en",
        template="admin_invitation",
        values={
            "recipient": email,
            "inviter": inviter,
            "link": f"{public_url}/admin/invitation#token={token}",
            "valid_for": tokens.LIFETIMES[Purpose.ADMIN_INVITATION],
        },
    )
    return Invited(admin_id, letter_id)


def begin_joining(
    connection: Connection, box: SecretBox, rules: Rules, token: str
) -> tuple[Administrator, Enrolment]:
    """Who an invitation is for, and a new second factor, in force once ``join`` has its first code.

    Raises:
        Invalid: the link is not valid any more.
    """
    invited = _invited(connection, rules, tokens.peek(connection, Purpose.ADMIN_INVITATION, token).email)
    secret = pyotp.random_base32()
    sealed = box.seal(_NO_ORGANISATION, invited.id, {"totp": secret}, purpose=Sealing.SECOND_FACTOR)
    connection.execute(
        update(admin_user)
        .where(admin_user.c.id == invited.id)
        .values(
            totp_key_id=sealed.key_id,
            totp_ciphertext=sealed.ciphertext,
            totp_confirmed_at=None,
            totp_last_step=None,
        )
    )
    uri = pyotp.TOTP(secret).provisioning_uri(name=invited.email, issuer_name=_ISSUER)
    return invited, Enrolment(secret, uri)


def join(
    connection: Connection, box: SecretBox, rules: Rules, token: str, *, password: str, code: str
) -> Administrator:
    """Make the invited one an administrator: address, password and second factor are all proven here, or none is.

    Raises:
        Invalid: the link is not valid any more, the password is not acceptable, or the code is wrong.
    """
    proven = tokens.redeem(connection, Purpose.ADMIN_INVITATION, token)
    invited = _invited(connection, rules, proven.email)
    set_password(connection, rules, invited, password)
    if not second_factor.accept_code(connection, box, OF_ADMINISTRATORS, invited.id, code):
        raise Invalid("The code is wrong.", remedy="Wait for the next code and give that one.")
    connection.execute(
        update(admin_user)
        .where(admin_user.c.id == invited.id)
        .values(email_verified_at=func.now(), totp_confirmed_at=func.now(), disabled_at=None)
    )
    return invited


def set_password(connection: Connection, rules: Rules, administrator: Administrator, password: str) -> None:
    """Store a new password's hash.

    Raises:
        Invalid: it is too short, guessed first, or was one of the last five.
    """
    passwords.require_acceptable(password, administrator.email, min_length=rules.min_password)
    if any(passwords.check(old, password).right for old in administrator.password_history):
        raise Invalid(
            f"That was one of the last {REMEMBERED_PASSWORDS} passwords.", remedy="Choose one that is new."
        )
    new = passwords.hashed(password)
    connection.execute(
        update(admin_user)
        .where(admin_user.c.id == administrator.id)
        .values(
            password_hash=new,
            password_history=[new, *administrator.password_history][:REMEMBERED_PASSWORDS],
            password_min_length=rules.min_password,
            password_changed_at=func.now(),
        )
    )


def store_better_hash(connection: Connection, administrator: Administrator, better: str) -> None:
    """Store the present password's hash anew, made with today's parameters."""
    connection.execute(
        update(admin_user)
        .where(admin_user.c.id == administrator.id)
        .values(password_hash=better, password_history=[better, *administrator.password_history[1:]])
    )


def disable(connection: Connection, rules: Rules, admin_id: UUID, *, last_too: bool = False) -> Administrator:
    """Keep an administrator, or somebody who was invited, out from the next request on; their invitations are void.

    Raises:
        NotFound: there is nobody with this id who is not disabled.
        Conflict: nobody could sign in after that; ``last_too`` allows it, for the machine's own command line.
    """
    # All are locked, in one order: of two that disable each other at once, one has to wait and is refused.
    rows = connection.execute(
        _ADMINISTRATOR.where(admin_user.c.disabled_at.is_(None))
        .order_by(admin_user.c.id)
        .with_for_update(key_share=True)
    ).all()
    standing = {row.id: _administrator(row) for row in rows}
    if admin_id not in standing:
        raise NotFound("There is no such administrator.", remedy="List the administrators again.")
    others = [
        one for one in standing.values() if one.id != admin_id and one.active and rules.admit(one.email)
    ]
    if not others and not last_too:
        raise Conflict("They are the only administrator left.", remedy="Invite another one first.")
    connection.execute(update(admin_user).where(admin_user.c.id == admin_id).values(disabled_at=func.now()))
    connection.execute(
        update(one_time_token)
        .where(
            one_time_token.c.purpose == Purpose.ADMIN_INVITATION.value,
            one_time_token.c.email == standing[admin_id].email,
            one_time_token.c.used_at.is_(None),
        )
        .values(used_at=func.now())
    )
    return standing[admin_id]


_ADMINISTRATOR = select(
    admin_user.c.id,
    admin_user.c.email,
    admin_user.c.password_hash,
    admin_user.c.password_history,
    ACTIVE.label("active"),
)


def _administrator(row: Row[tuple[UUID, str, str | None, list[str], bool]]) -> Administrator:
    return Administrator(row.id, row.email, row.password_hash, tuple(row.password_history), row.active)


def _invited(connection: Connection, rules: Rules, email: str) -> Administrator:
    invited = by_email(connection, rules, email)
    if invited is None or invited.active:
        raise Invalid("The link is not valid any more.", remedy="Ask an administrator for a new one.")
    return invited
