"""Audiences: who may read a row. Combined by intersection, and asked for at every request.

What a source brings points at an audience *of that source*: who that is follows from its connection (shared, or its
owner's alone) and from the readers that its provider named, and is found by ``audiences_of`` in the database whenever
somebody calls. So sharing or taking back a source moves no row (docs/decisions, 0007).

Rule 0003: a derived row is readable only by those who may read *all* it was derived from, so private never widens
by derivation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Table, select
from sqlalchemy.dialects.postgresql import insert

from resources.hashing import digest
from resources.schema import audience, audience_member, reader_set, reader_set_member

EVERYONE = "*"
"""The member key of the audience of a whole organisation."""


def of_organisation(connection: Connection, org_id: UUID) -> UUID:
    """The audience of everyone in the organisation."""
    return _ensure(connection, org_id, "organisation", EVERYONE)[0]


def of_members(connection: Connection, org_id: UUID, members: Collection[UUID]) -> UUID:
    """The audience of exactly these people; of nobody where there are none."""
    kind = "owner" if len(members) == 1 else "readers"
    found, made = _ensure(connection, org_id, kind, _key_of(members))
    if made and members:
        connection.execute(
            insert(audience_member),
            [{"org_id": org_id, "audience_id": found, "user_id": member} for member in set(members)],
        )
    return found


def of_source(
    connection: Connection, org_id: UUID, connection_id: UUID, readers: Collection[str] | None = None
) -> UUID:
    """The audience of what a connection brings: those who may see it, and of them only ``readers`` where they are named.

    ``readers`` are normalised addresses, kept as the provider gives them, whoever has them today.
    """
    if readers is None:
        return _ensure(connection, org_id, "source", _source_key(connection_id), connection_id=connection_id)[
            0
        ]
    readers_id = _reader_set(connection, org_id, readers)
    key = f"{_source_key(connection_id)}:{readers_id}"
    values = {"connection_id": connection_id, "reader_set_id": readers_id}
    return _ensure(connection, org_id, "source", key, **values)[0]


def found(connection: Connection, org_id: UUID, connection_id: UUID, audience_id: UUID) -> None:
    """Make the audience of a connection that was stored with this one's id."""
    connection.execute(
        insert(audience).values(
            id=audience_id,
            org_id=org_id,
            kind="source",
            member_key=_source_key(connection_id),
            connection_id=connection_id,
        )
    )


def intersection(connection: Connection, org_id: UUID, audiences: Iterable[UUID]) -> UUID:
    """The audience of those who are in all of ``audiences``, whoever joins or leaves one of them later."""
    ids = set(audiences)
    if len(ids) == 1:
        return ids.pop()
    rows = connection.execute(select(audience).where(audience.c.id.in_(ids))).all()
    if len(rows) != len(ids):
        return of_members(connection, org_id, ())  # of one that is gone, nobody is left
    parts = {part for row in rows for part in _parts(row)}
    fixed = {row.id for row in rows if row.kind in {"owner", "readers"}}
    if len(fixed) > 1:
        parts = parts - fixed | {_common_members(connection, org_id, fixed)}
    if not parts:
        return of_organisation(connection, org_id)
    if len(parts) == 1:
        return parts.pop()
    ordered = sorted(parts)
    return _ensure(connection, org_id, "joint", f"joint:{_key_of(ordered)}", parts=ordered)[0]


def _source_key(connection_id: UUID) -> str:
    return f"source:{connection_id}"


def _parts(row: Row[Any]) -> list[UUID]:
    if row.kind == "organisation":
        return []  # everybody who is in another one is in it
    return list(row.parts) if row.kind == "joint" else [row.id]


def _common_members(connection: Connection, org_id: UUID, audiences: Collection[UUID]) -> UUID:
    members: dict[UUID, set[UUID]] = {one: set() for one in audiences}
    rows = connection.execute(
        select(audience_member.c.audience_id, audience_member.c.user_id).where(
            audience_member.c.audience_id.in_(audiences)
        )
    )
    for row in rows:
        members[row.audience_id].add(row.user_id)
    return of_members(connection, org_id, set.intersection(*members.values()))


def _reader_set(connection: Connection, org_id: UUID, readers: Collection[str]) -> UUID:
    emails = sorted(set(readers))
    found, made = _one(connection, reader_set, {"org_id": org_id, "key": digest(*emails).hex()})
    if made and emails:
        connection.execute(
            insert(reader_set_member),
            [{"org_id": org_id, "reader_set_id": found, "email": email} for email in emails],
        )
    return found


def _key_of(members: Collection[UUID]) -> str:
    return digest(*sorted(str(member) for member in set(members))).hex()


def _ensure(
    connection: Connection, org_id: UUID, kind: str, member_key: str, **values: Any
) -> tuple[UUID, bool]:
    return _one(connection, audience, {"org_id": org_id, "member_key": member_key}, kind=kind, **values)


def _one(connection: Connection, table: Table, identity: dict[str, Any], **values: Any) -> tuple[UUID, bool]:
    """The id of the row with this identity, and whether it was made now."""
    made: UUID | None = connection.execute(
        insert(table).values(**identity, **values).on_conflict_do_nothing().returning(table.c.id)
    ).scalar_one_or_none()
    if made is not None:
        return made, True
    known = select(table.c.id).where(*(table.c[name] == value for name, value in identity.items()))
    found: UUID = connection.execute(known).scalar_one()
    return found, False
