"""Organisations, their first member and API keys: what set-up creates and the identity model will build on."""

from __future__ import annotations

import secrets
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Table, Uuid, func, select
from sqlalchemy.dialects.postgresql import insert

from resources import audiences
from resources.database import WorkerDatabase
from resources.errors import NotFound
from resources.hashing import digest
from resources.schema import api_key, app_user, membership, organisation
from resources.slugs import slug_of
from resources.tenancy import Principal, Role

KEY_PREFIX = "drovi_"


def hash_key(key: str) -> bytes:
    """What the database keeps of an API key. One round is enough: a key is 256 random bits, not a password."""
    return digest("api-key", key)


def new_key() -> str:
    """A key nobody can guess."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def ensure_organisation(database: WorkerDatabase, name: str, owner_email: str, owner_name: str) -> Principal:
    """The organisation of that name with that owner; made where it does not exist, left alone where it does."""
    with database.dispatch() as connection:
        org_id = _ensure(connection, organisation, {"slug": slug_of(name)}, {"name": name})
        user_id = _ensure(connection, app_user, {"email": owner_email.lower()}, {"name": owner_name})
    with database.organisation(org_id) as connection:
        connection.execute(
            insert(membership)
            .values(org_id=org_id, user_id=user_id, role=Role.OWNER.value)
            .on_conflict_do_nothing()
        )
        audiences.of_organisation(connection, org_id)
        audiences.of_members(connection, org_id, [user_id])
    return principal_of(database, org_id, user_id)


def principal_of(database: WorkerDatabase, org_id: UUID, user_id: UUID) -> Principal:
    """A member as the database knows them now.

    Raises:
        NotFound: the user is not a member of the organisation.
    """
    with database.organisation(org_id) as connection:
        role = connection.execute(
            select(membership.c.role).where(membership.c.org_id == org_id, membership.c.user_id == user_id)
        ).scalar_one_or_none()
        if role is None:
            raise NotFound("There is no such member.", remedy="Check the organisation and the user.")
        ids = connection.execute(select(func.audiences_of(org_id, user_id, type_=ARRAY(Uuid)))).scalar_one()
    return Principal(org_id, user_id, Role(role), tuple(ids))


def sole_owner(database: WorkerDatabase) -> Principal:
    """The owner of the only organisation there is: who the command line acts as on one machine.

    Raises:
        NotFound: no organisation exists yet, or there are several.
    """
    with database.dispatch() as connection:
        org_ids = connection.execute(select(organisation.c.id).limit(2)).scalars().all()
    if len(org_ids) != 1:
        raise NotFound(
            "There is no single organisation to act for.",
            remedy="Run `drovi migrate` to create the first one.",
        )
    with database.organisation(org_ids[0]) as connection:
        user_id = (
            connection.execute(
                select(membership.c.user_id)
                .where(membership.c.role == Role.OWNER.value)
                .order_by(membership.c.created_at)
            )
            .scalars()
            .first()
        )
    if user_id is None:
        raise NotFound("The organisation has no owner.", remedy="Run `drovi migrate` to create one.")
    return principal_of(database, org_ids[0], user_id)


def issue_api_key(database: WorkerDatabase, principal: Principal, name: str, *, key: str = "") -> str:
    """A new key for a member, shown this once; ``key`` lets set-up install one that it generated before."""
    key = key or new_key()
    with database.organisation(principal.org_id) as connection:
        connection.execute(
            insert(api_key)
            .values(org_id=principal.org_id, user_id=principal.user_id, name=name, key_hash=hash_key(key))
            .on_conflict_do_nothing()
        )
    return key


def _ensure(connection: Connection, table: Table, identity: dict[str, str], values: dict[str, str]) -> UUID:
    connection.execute(insert(table).values(**identity, **values).on_conflict_do_nothing())
    (column,) = identity
    found: UUID = connection.execute(
        select(table.c.id).where(table.c[column] == identity[column])
    ).scalar_one()
    return found
