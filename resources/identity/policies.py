"""What the organisations of a person ask of their account, all of them at once."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, all_, func, literal, select

from resources.schema import membership, organisation, organisation_policy

_OF_MEMBERSHIPS = (
    select(organisation.c.name)
    .join(membership, membership.c.org_id == organisation.c.id)
    .join(organisation_policy, organisation_policy.c.org_id == organisation.c.id)
    .order_by(organisation.c.name)
)


def asking_for_second_factor(connection: Connection, user_id: UUID) -> list[str]:
    """The names of the person's organisations that ask for a second factor."""
    asking = _OF_MEMBERSHIPS.where(
        membership.c.user_id == user_id, organisation_policy.c.second_factor_required
    )
    return list(connection.execute(asking).scalars())


def closed_to_domain(connection: Connection, user_id: UUID, domain: str) -> list[str]:
    """The names of the person's organisations whose members may not have addresses of this domain."""
    allowed = organisation_policy.c.allowed_email_domains
    closed = _OF_MEMBERSHIPS.where(
        membership.c.user_id == user_id, func.cardinality(allowed) > 0, literal(domain) != all_(allowed)
    )
    return list(connection.execute(closed).scalars())
