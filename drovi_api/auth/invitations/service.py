"""The rules of accepting an invitation.

The link went to the address, so whoever follows it has proven that address and needs no other proof of it. It does not
prove more: where the address has an account, its owner's sign-in is asked for as well, and nobody's password is set.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from drovi_api.auth import begin
from drovi_api.auth.invitations.schemas import Acceptance, InvitationPreview
from drovi_api.auth.shapes import SignedIn
from drovi_api.entrance import Visit
from resources.audit import Action
from resources.errors import Conflict, Forbidden, Invalid, Unauthenticated
from resources.identity import invitations, limits, passwords, people, sessions
from resources.identity.invitations import Invitation
from resources.identity.people import Person
from resources.policies import policies_of


def preview(visit: Visit, token: str) -> InvitationPreview:
    """What the page shows before it asks for anything.

    Raises:
        Invalid, Conflict, Forbidden: it could not be accepted, for the reason given.
    """
    limits.take(visit.runtime.identity, limits.TOKEN_BY_ADDRESS, visit.origin.address)
    invitation = invitations.peek(visit.connection, token)
    _require_admitted(visit, invitation)
    return InvitationPreview(
        organisation=invitation.organisation,
        inviter=invitation.inviter,
        role=invitation.role,
        email=invitation.email,
        name=invitation.name,
        has_account=people.by_email(visit.connection, invitation.email) is not None,
    )


def accept(visit: Visit, given: Acceptance) -> SignedIn:
    """Join, and go on in the organisation. A refusal leaves the invitation good.

    Raises:
        Invalid: the invitation is not valid any more, or a name or an acceptable password is missing.
        Unauthenticated: the address has an account, and nobody is signed in.
        Conflict: somebody else is signed in, the person is a member, or whoever invited has lost the right to.
        Forbidden: the organisation's policies do not admit the address any more.
    """
    limits.take(visit.runtime.identity, limits.TOKEN_BY_ADDRESS, visit.origin.address)
    invitation = invitations.redeem(visit.connection, given.token.get_secret_value())
    _require_admitted(visit, invitation)
    person = people.by_email(visit.connection, invitation.email)
    if person is None:
        user_id, second_factor_at = _new_person(visit, invitation, given), None
    else:
        user_id, second_factor_at = person.id, _signed_in_as(visit, person)
        people.mark_verified(visit.connection, person.id)
    if not people.join(visit.connection, invitation.org_id, user_id, invitation.role):
        raise Conflict(
            f"You are a member of {invitation.organisation} already.", remedy="Switch to it in your session."
        )
    begin.record(
        visit,
        Action.MEMBER_JOINED,
        user_id,
        invitation.org_id,
        subject=("user", user_id),
        after={"role": invitation.role.value, "invitation_id": str(invitation.id)},
    )
    return begin.session(visit, user_id, invitation.org_id, second_factor_at=second_factor_at)


def _require_admitted(visit: Visit, invitation: Invitation) -> None:
    if not policies_of(visit.connection, invitation.org_id).admit(invitation.email):
        raise Forbidden(
            f"{invitation.organisation} does not admit addresses of your domain any more.",
            remedy="Ask for an invitation to another address.",
        )


def _new_person(visit: Visit, invitation: Invitation, given: Acceptance) -> UUID:
    if given.name is None or given.password is None:
        raise Invalid("Somebody new needs a name and a password.", remedy="Give both.")
    password = given.password.get_secret_value()
    passwords.require_acceptable(password, invitation.email)
    return people.create(visit.connection, invitation.email, given.name, given.locale, password)


def _signed_in_as(visit: Visit, person: Person) -> datetime | None:
    """When the person whose account it is gave a second factor in the session they show."""
    session = sessions.find(visit.connection, visit.token) if visit.token else None
    if session is None:
        raise Unauthenticated(
            "The invitation's address has an account.", remedy=f"Sign in as {person.email}, then accept."
        )
    if session.user_id != person.id:
        raise Conflict(
            f"You are signed in as {session.email}, and the invitation is for {person.email}.",
            remedy=f"Sign out, sign in as {person.email}, then accept.",
        )
    return session.second_factor_at
