"""An organisation's policies: what its owners allow in it, and what holds where they have said nothing.

Kept and read here; enforced where they bite: connecting a source, inviting and joining, and the length and strength
of sessions, which the database itself looks up at every request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from resources.identity.addresses import domain_of
from resources.identity.sessions import DEFAULT_HOURS
from resources.records import RecordKind
from resources.schema import organisation_policy

Visibility = Literal["ORG_SHARED", "PRIVATE"]

_COLUMNS = tuple(column for column in organisation_policy.c if column.name not in {"org_id", "updated_at"})


@dataclass(frozen=True, slots=True)
class Policies:
    """``allowed_connectors`` None: every one; ``allowed_email_domains`` empty: everybody's; ``retention_days`` by kind."""

    allowed_connectors: list[str] | None = None
    default_visibility: Visibility = "ORG_SHARED"
    allowed_email_domains: list[str] = field(default_factory=list)
    session_hours: int = DEFAULT_HOURS
    second_factor_required: bool = False
    retention_days: Mapping[RecordKind, int] = field(default_factory=dict)

    def allow_connector(self, name: str) -> bool:
        """Whether a source of this kind may be connected."""
        return self.allowed_connectors is None or name in self.allowed_connectors

    def admit(self, email: str) -> bool:
        """Whether somebody with this (normalised) address may become a member. Subdomains are domains of their own."""
        return not self.allowed_email_domains or domain_of(email) in self.allowed_email_domains


def policies_of(connection: Connection, org_id: UUID) -> Policies:
    """The organisation's policies as they stand."""
    query = select(*_COLUMNS).where(organisation_policy.c.org_id == org_id)
    row = connection.execute(query).mappings().one_or_none()
    return Policies() if row is None else Policies(**row)


def store(connection: Connection, org_id: UUID, policies: Policies) -> None:
    """Put these in the place of what stood."""
    values = asdict(policies)
    connection.execute(
        insert(organisation_policy)
        .values(org_id=org_id, **values)
        .on_conflict_do_update(constraint="pk_organisation_policy", set_={**values, "updated_at": func.now()})
    )
