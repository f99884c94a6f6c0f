"""How a session begins, whatever it was proven with: the one place that hands out cookies and writes it to the audit log."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from drovi_api.auth.shapes import Membership, SignedIn
from drovi_api.entrance import PersonVisit, Visit
from resources.errors import Forbidden
from resources.identity import sessions
from resources.identity.people import Person
from resources.tenancy import Role


def session(
    visit: Visit, user_id: UUID, org_id: UUID | None = None, *, second_factor_at: datetime | None = None
) -> SignedIn:
    """Start a session in an organisation (None: the first joined, or none) and give it to the browser.

    A session that the browser held before ends, whoever's it was.

    Raises:
        Forbidden: the person is not in that organisation.
    """
    organisations = memberships(visit, user_id)
    if org_id is not None and org_id not in {one.id for one in organisations}:
        raise Forbidden("You are not a member of that organisation.", remedy="Leave it out, or ask to be invited.")
    if org_id is None and organisations:
        org_id = organisations[0].id
    before = sessions.find(visit.connection, visit.token) if visit.token else None
    if before is not None:
        sessions.revoke(visit.connection, before.user_id, before.id)
    started = sessions.start(
        visit.connection, user_id, org_id, visit.device, second_factor_at=second_factor_at
    )
    visit.hand_over(started)
    return signed_in(started, org_id, organisations)


def replaced(visit: PersonVisit, *, org_id: UUID | None = None, second_factor_at: datetime | None = None) -> SignedIn:
    """Go on under a new token, in another organisation or with a second factor given; the old one opens nothing."""
    started = sessions.replace(
        visit.connection, visit.session, visit.device, org_id=org_id, second_factor_at=second_factor_at
    )
    visit.hand_over(started)
    return signed_in(
        started, org_id or visit.session.org_id, memberships(visit, visit.session.user_id)
    )


def signed_in(started: sessions.Started, org_id: UUID | None, organisations: list[Membership]) -> SignedIn:
    """What the page is told of a session that began."""
    return SignedIn(
        csrf_token=sessions.csrf_token(started.token),
        expires_at=started.expires_at,
        organisation_id=org_id,
        organisations=organisations,
    )


def memberships(visit: Visit, user_id: UUID) -> list[Membership]:
    """Where a person is a member, first joined first."""
    return [
        Membership(id=row.id, name=row.name, slug=row.slug, role=Role(row.role))
        for row in sessions.organisations_of(visit.connection, user_id)
    ]
