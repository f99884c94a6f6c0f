"""People and the organisations they found: the rows that signing up, signing in and being invited work on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from resources import audiences
from resources.database import enter
from resources.errors import Conflict, InvariantBroken
from resources.identity import passwords
from resources.mailer import Locale
from resources.schema import app_user, membership, organisation, user_credential
from resources.slugs import slug_of
from resources.tenancy import Role

_SLUG_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in, with what a sign-in is checked against."""

    id: UUID
    email: str
    name: str
    locale: Locale
    verified: bool
    disabled: bool
    password_hash: str | None
    second_factor: bool


def by_email(connection: Connection, email: str) -> Person | None:
    """Who has this (normalised) address."""
    return _person(connection, app_user.c.email == email)


def by_id(connection: Connection, user_id: UUID) -> Person | None:
    """Who has this id."""
    return _person(connection, app_user.c.id == user_id)


def create(connection: Connection, email: str, name: str, locale: Locale, password: str | None) -> UUID:
    """A new person whose address is proven: they followed a link that went there, or their provider vouches for it.

    Raises:
        Conflict: there is an account with this address, if only since a moment ago.
    """
    user_id: UUID | None = connection.execute(
        insert(app_user)
        .values(email=email, name=name, locale=locale, email_verified_at=func.now())
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(app_user.c.id)
    ).scalar_one_or_none()
    if user_id is None:
        raise Conflict("There is an account with this address.", remedy="Sign in, or reset the password.")
    if password is not None:
        set_password(connection, user_id, password)
    return user_id


def set_password(connection: Connection, user_id: UUID, password: str) -> None:
    """Store a password's hash in the place of any other."""
    store_hash(connection, user_id, passwords.hashed(password))


def store_hash(connection: Connection, user_id: UUID, password_hash: str) -> None:
    """Store a hash that was made already."""
    row = insert(user_credential).values(user_id=user_id, password_hash=password_hash)
    connection.execute(
        row.on_conflict_do_update(
            constraint="pk_user_credential",
            set_={"password_hash": row.excluded.password_hash, "password_changed_at": func.now()},
        )
    )


def mark_verified(connection: Connection, user_id: UUID) -> None:
    """The person has shown that mail to their address reaches them."""
    connection.execute(
        update(app_user)
        .where(app_user.c.id == user_id, app_user.c.email_verified_at.is_(None))
        .values(email_verified_at=func.now())
    )


def set_email(connection: Connection, user_id: UUID, email: str) -> None:
    """Give the account another (normalised) address, which its person has proven.

    Raises:
        Conflict: it is another account's.
    """
    moved = update(app_user).where(app_user.c.id == user_id).values(email=email, email_verified_at=func.now())
    try:
        with connection.begin_nested():
            connection.execute(moved)
    except IntegrityError as error:
        raise Conflict(
            "There is an account with this address.", remedy="Sign in to that one, or choose another address."
        ) from error


def set_profile(connection: Connection, user_id: UUID, name: str, locale: Locale) -> None:
    """How the person is named, and the language of their letters."""
    connection.execute(update(app_user).where(app_user.c.id == user_id).values(name=name, locale=locale))


def found_organisation(connection: Connection, name: str, owner_id: UUID) -> UUID:
    """A new organisation with its first owner; the transaction acts for it from here on."""
    org_id = _new_organisation(connection, name)
    enter(connection, org_id)
    audiences.of_organisation(connection, org_id)
    join(connection, org_id, owner_id, Role.OWNER)
    return org_id


def join(connection: Connection, org_id: UUID, user_id: UUID, role: Role) -> bool:
    """Make a person a member; False where they were one already, whatever their role."""
    joined = connection.execute(
        insert(membership)
        .values(org_id=org_id, user_id=user_id, role=role.value)
        .on_conflict_do_nothing()
        .returning(membership.c.user_id)
    ).one_or_none()
    audiences.of_members(connection, org_id, [user_id])
    return joined is not None


def _new_organisation(connection: Connection, name: str) -> UUID:
    """Names may repeat, slugs may not; a slug ends by chance, so that none tells of another organisation of its name."""
    for _ in range(_SLUG_ATTEMPTS):
        created: UUID | None = connection.execute(
            insert(organisation)
            .values(name=name, slug=f"{slug_of(name)}-{secrets.token_hex(3)}")
            .on_conflict_do_nothing()
            .returning(organisation.c.id)
        ).scalar_one_or_none()
        if created is not None:
            return created
    raise InvariantBroken(f"{_SLUG_ATTEMPTS} endings in a row were taken.")


def _person(connection: Connection, condition: ColumnElement[bool]) -> Person | None:
    row = connection.execute(
        select(
            app_user.c.id,
            app_user.c.email,
            app_user.c.name,
            app_user.c.locale,
            app_user.c.email_verified_at.is_not(None),
            app_user.c.disabled_at.is_not(None),
            user_credential.c.password_hash,
            func.coalesce(user_credential.c.totp_confirmed_at.is_not(None), False),
        )
        .outerjoin(user_credential, user_credential.c.user_id == app_user.c.id)
        .where(condition)
    ).one_or_none()
    return None if row is None else Person(*row)
