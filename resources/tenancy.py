"""Who is acting: the caller's organisation, person, audiences and credential, checked once and carried as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """A member's role in an organisation."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MEMBER = "MEMBER"
    VIEWER = "VIEWER"


class CredentialKind(StrEnum):
    """What a caller showed."""

    API_KEY = "api_key"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Credential:
    """What the database knows of the key or session that a caller showed.

    ``stale``: its last use was noted over a minute ago. ``second_factor_missing``: the organisation asks for a
    second factor that this session has not given.
    """

    kind: CredentialKind
    id: UUID
    email: str
    scopes: frozenset[str]
    stale: bool = False
    second_factor_missing: bool = False


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller the database has vouched for. ``audiences`` are the ids of all the caller is a member of.

    ``credential`` is None for one that acts without having shown any: the command line on the organisation's own machine.
    """

    org_id: UUID
    user_id: UUID
    role: Role
    audiences: tuple[UUID, ...]
    credential: Credential | None = field(default=None, compare=False)
