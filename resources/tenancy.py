"""Who is acting: the caller's organisation, person and audiences, checked once and carried as one value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """A member's role in an organisation."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MEMBER = "MEMBER"
    VIEWER = "VIEWER"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller the database has vouched for. ``audiences`` are the ids of all the caller is a member of."""

    org_id: UUID
    user_id: UUID
    role: Role
    audiences: tuple[UUID, ...]
