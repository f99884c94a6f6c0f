"""How a session begins and ends, whatever it was proven with: the one place that hands out cookies and writes it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from drovi_api.auth.shapes import Membership, SignedIn
from drovi_api.entrance import PersonVisit, Visit
from resources import audit
from resources.audit import Action
from resources.database import enter
from resources.errors import Forbidden
from resources.identity import people, sessions
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
        raise Forbidden(
            "You are not a member of that organisation.", remedy="Leave it out, or ask to be invited."
        )
    if org_id is None and organisations:
        org_id = organisations[0].id
    before = sessions.find(visit.connection, visit.token) if visit.token else None
    if before is not None:
        sessions.revoke(visit.connection, before.user_id, before.id)
    started = sessions.start(
        visit.connection, user_id, org_id, visit.device, second_factor_at=second_factor_at
    )
    visit.hand_over(started)
    record(visit, Action.SESSION_STARTED, user_id, org_id, subject=("session", started.id))
    return signed_in(started, org_id, organisations)


def replaced(
    visit: PersonVisit, *, org_id: UUID | None = None, second_factor_at: datetime | None = None
) -> SignedIn:
    """Go on under a new token, in another organisation or with a second factor given; the old one opens nothing."""
    started = sessions.replace(
        visit.connection, visit.session, visit.device, org_id=org_id, second_factor_at=second_factor_at
    )
    visit.hand_over(started)
    return signed_in(started, org_id or visit.session.org_id, memberships(visit, visit.session.user_id))


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


def record(
    visit: Visit,
    action: Action,
    user_id: UUID,
    org_id: UUID | None,
    *,
    subject: tuple[str, UUID],
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write what a person did about their account into the audit log of an organisation they are in.

    Of somebody who is in none, it goes into the platform's own.
    """
    person = people.by_id(visit.connection, user_id)
    enter(visit.connection, org_id or audit.PLATFORM)
    actor = audit.Actor(
        audit.ActorKind.USER, str(user_id), person.email if person else "", visit.origin.address
    )
    kind, subject_id = subject
    audit.record(
        visit.connection,
        actor,
        action,
        kind,
        str(subject_id),
        before=before,
        after=after,
        request_id=visit.origin.request_id,
    )


def record_failure(visit: Visit, person: Person | None) -> None:
    """Write a failed sign-in down, in a transaction of its own: the request's is rolled back.

    Where nobody has the address there is no organisation to tell; the access log has the request.
    """
    if person is None:
        return
    with visit.runtime.identity.transaction() as connection:
        own = replace(visit, connection=connection)
        organisations = memberships(own, person.id)
        org_id = organisations[0].id if organisations else None
        record(own, Action.SESSION_FAILED, person.id, org_id, subject=("user", person.id))


def record_for_all(
    visit: Visit,
    action: Action,
    user_id: UUID,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write what changes a person's account into the audit log of every organisation they are in."""
    # In one order for everybody: each entry locks its organisation's chain until the transaction ends.
    organisations: list[UUID | None] = [*sorted(one.id for one in memberships(visit, user_id))]
    for org_id in organisations or [None]:
        record(visit, action, user_id, org_id, subject=("user", user_id), before=before, after=after)
