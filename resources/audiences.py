"""Audiences: who may read a row. Deduplicated by their set of members, combined by intersection.

Rule 0003 (docs/decisions): a derived row is readable only by those who may read *all* it was derived from,
so private never widens by derivation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from resources.hashing import digest
from resources.schema import audience, audience_member

EVERYONE = "*"
"""The member key of the audience of a whole organisation."""


def of_organisation(connection: Connection, org_id: UUID) -> UUID:
    """The audience of everyone in the organisation."""
    return _ensure(connection, org_id, "organisation", None)


def of_members(connection: Connection, org_id: UUID, members: Collection[UUID]) -> UUID:
    """The audience of exactly these people; of nobody where there are none."""
    return _ensure(connection, org_id, "owner" if len(members) == 1 else "readers", frozenset(members))


def intersection(connection: Connection, org_id: UUID, audiences: Iterable[UUID]) -> UUID:
    """The audience of those who are in all of ``audiences``; of nobody for audiences that do not meet."""
    ids = set(audiences)
    if len(ids) == 1:
        return ids.pop()
    kinds = connection.execute(select(audience.c.id, audience.c.kind).where(audience.c.id.in_(ids))).all()
    narrow: set[UUID] = {row.id for row in kinds if row.kind != "organisation"}
    if not narrow:
        return of_organisation(connection, org_id)
    if len(narrow) == 1:
        return narrow.pop()
    members: dict[UUID, set[UUID]] = {one: set() for one in narrow}
    rows = connection.execute(
        select(audience_member.c.audience_id, audience_member.c.user_id).where(
            audience_member.c.audience_id.in_(narrow)
        )
    )
    for row in rows:
        members[row.audience_id].add(row.user_id)
    return of_members(connection, org_id, set.intersection(*members.values()))


def _ensure(connection: Connection, org_id: UUID, kind: str, members: frozenset[UUID] | None) -> UUID:
    key = EVERYONE if members is None else digest(*sorted(str(member) for member in members)).hex()
    values = {"org_id": org_id, "kind": kind, "member_key": key}
    created: UUID | None = connection.execute(
        insert(audience).values(values).on_conflict_do_nothing().returning(audience.c.id)
    ).scalar_one_or_none()
    if created is None:
        existing: UUID = connection.execute(
            select(audience.c.id).where(audience.c.org_id == org_id, audience.c.member_key == key)
        ).scalar_one()
        return existing
    if members:
        connection.execute(
            insert(audience_member),
            [{"org_id": org_id, "audience_id": created, "user_id": member} for member in members],
        )
    return created
