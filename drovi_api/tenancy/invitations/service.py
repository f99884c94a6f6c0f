"""The rules of inviting: one person at a time or a whole firm, judged alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from drovi_api.dependencies import WriteSession, actor_of, require
from drovi_api.runtime import ApiRuntime
from drovi_api.tenancy import letters
from drovi_api.tenancy.invitations import repository, table
from drovi_api.tenancy.invitations.repository import Wanted
from drovi_api.tenancy.invitations.schemas import (
    Invitation,
    InvitationTable,
    NewInvitation,
    Outcome,
    RowReport,
    TableReport,
)
from resources import audit
from resources.audit import Action
from resources.errors import Conflict, Forbidden, Invalid
from resources.identity import addresses, limits, tokens
from resources.identity.invitations import LIFETIME
from resources.letters import Letter
from resources.permissions import Permission, may
from resources.policies import Policies, policies_of
from resources.tenancy import Role

_DETAILS: Mapping[Outcome, str] = {
    "invited": "The invitation is on its way.",
    "resent": "There was an invitation already; a new one replaces it.",
    "already_member": "This person is a member already.",
    "duplicate": "An earlier row names the same address.",
    "invalid_address": "That is not an e-mail address.",
    "invalid_role": "The role is one of OWNER, ADMIN, MEMBER, VIEWER.",
    "role_not_allowed": "Only owners invite owners, and replace an owner's invitation.",
    "domain_not_allowed": "The organisation's policies do not admit addresses of this domain.",
}
_DONE = frozenset({"invited", "resent"})


def invite(session: WriteSession, runtime: ApiRuntime, new: NewInvitation) -> Invitation:
    """Invite one person, or invite them anew.

    Raises:
        Invalid: it is not an address.
        Forbidden: the policies do not admit it, or the caller may not invite owners.
        Conflict: the person is a member.
        RateLimited: too many letters to the address, or from the organisation.
    """
    email = addresses.normalise(new.email)
    _take_one(session, runtime, email)
    refused = _refusal(session, policies_of(session.connection, session.principal.org_id), email, new.role)
    wanted = Wanted(email, new.role, new.name, tokens.new())
    outcome = refused or _send(session, runtime, [wanted])[email]
    match outcome:
        case "domain_not_allowed":
            raise Forbidden(
                _DETAILS[outcome], remedy="Ask an owner to allow the domain, or use another address."
            )
        case "role_not_allowed":
            raise Forbidden(_DETAILS[outcome], remedy="Ask an owner to do it.")
        case "already_member":
            raise Conflict(_DETAILS[outcome], remedy="Change their role among the members.")
        case _:
            return repository.standing(session, email)


def invite_table(session: WriteSession, runtime: ApiRuntime, given: InvitationTable) -> TableReport:
    """Invite everyone in a table who can be; a bad row stops no other.

    Raises:
        Invalid: it is no table of people, or too long.
        RateLimited: too many tables from the organisation.
    """
    org_id = session.principal.org_id
    limits.take(runtime.identity, limits.INVITATION_LIST_BY_ORGANISATION, str(org_id))
    policies = policies_of(session.connection, org_id)
    wanted: dict[str, Wanted] = {}
    judged: list[tuple[table.Line, str, Outcome | None]] = []
    for line in table.lines(given.csv):
        email, outcome = _judged(session, policies, line, wanted)
        judged.append((line, email, outcome))
    sent = _send(session, runtime, list(wanted.values()))
    rows = [
        RowReport(row=line.number, email=line.email, outcome=outcome, detail=_DETAILS[outcome])
        for line, email, refused in judged
        for outcome in [refused or sent[email]]
    ]
    counts = Counter(row.outcome for row in rows)
    return TableReport(
        invited=counts["invited"],
        resent=counts["resent"],
        refused=sum(count for outcome, count in counts.items() if outcome not in _DONE),
        rows=rows,
    )


def resend(session: WriteSession, runtime: ApiRuntime, invitation_id: UUID) -> Invitation:
    """Send an invitation again, under a new token: only the latest letter's link works.

    Raises:
        NotFound: no such invitation stands.
        Forbidden: it is an owner's, and the caller is none; or the policies do not admit the address any more.
        Conflict: the person became a member.
        RateLimited: too many letters to the address, or from the organisation.
    """
    standing = repository.locked(session, invitation_id)
    again = NewInvitation(email=standing.email, role=standing.role, name=standing.name)
    return invite(session, runtime, again)


def revoke(session: WriteSession, invitation_id: UUID) -> Invitation:
    """Make an invitation's link open nothing.

    Raises:
        NotFound: no such invitation stands.
        Forbidden: it is an owner's, and the caller is none.
    """
    standing = repository.locked(session, invitation_id)
    if standing.role is Role.OWNER:
        require(session.principal, Permission.MANAGE_OWNERS)
    repository.revoke(session, invitation_id)
    about = {"email": standing.email, "role": standing.role.value}
    session.audit(Action.MEMBER_INVITATION_REVOKED, "invitation", invitation_id, before=about)
    return standing


def _judged(
    session: WriteSession, policies: Policies, line: table.Line, wanted: dict[str, Wanted]
) -> tuple[str, Outcome | None]:
    """The row's address and what keeps it from being sent; a row that nothing keeps joins ``wanted``."""
    try:
        email = addresses.normalise(line.email)
    except Invalid:
        return line.email, "invalid_address"
    role = table.role_of(line.role)
    if role is None:
        return email, "invalid_role"
    if email in wanted:
        return email, "duplicate"
    if (refused := _refusal(session, policies, email, role)) is None:
        wanted[email] = Wanted(email, role, line.name, tokens.new())
    return email, refused


def _refusal(session: WriteSession, policies: Policies, email: str, role: Role) -> Outcome | None:
    """What can be said against an invitation without looking anything up."""
    if role is Role.OWNER and not may(session.principal, Permission.MANAGE_OWNERS):
        return "role_not_allowed"
    return None if policies.admit(email) else "domain_not_allowed"


def _send(session: WriteSession, runtime: ApiRuntime, wanted: list[Wanted]) -> Mapping[str, Outcome]:
    """Write invitations with their letters and audit entries, and say by address what became of each."""
    members = repository.members_among(session, [one.email for one in wanted])
    rows = repository.write(
        session,
        [one for one in wanted if one.email not in members],
        over_owners=may(session.principal, Permission.MANAGE_OWNERS),
    )
    sent = [one for one in wanted if one.email in rows]
    if sent:
        sender = letters.sender(session)
        letters.send(session, runtime, *(_letter(runtime, sender, one) for one in sent))
        audit.record_each(
            session.connection,
            actor_of(session.principal, session.origin),
            Action.MEMBER_INVITED,
            "invitation",
            {rows[one.email].id: {"email": one.email, "role": one.role.value} for one in sent},
            request_id=session.origin.request_id,
        )
    outcomes: dict[str, Outcome] = {one.email: "role_not_allowed" for one in wanted}
    outcomes |= dict.fromkeys(members, "already_member")
    return outcomes | {email: "invited" if row.is_new else "resent" for email, row in rows.items()}


def _letter(runtime: ApiRuntime, sender: letters.Sender, one: Wanted) -> Letter:
    # The token stands in the fragment, which browsers neither send to a server nor pass on as a referrer.
    values = {
        "inviter": sender.name,
        "organisation": sender.organisation,
        "role": one.role.value,
        "valid_for": LIFETIME,
        "link": f"{runtime.public_url}/invitation#token={one.token}",
    }
    return Letter(one.email, sender.locale, "invitation", values)


def _take_one(session: WriteSession, runtime: ApiRuntime, email: str) -> None:
    org_id = str(session.principal.org_id)
    limits.take(runtime.identity, limits.INVITATION_BY_ORGANISATION, org_id)
    limits.take(runtime.identity, limits.INVITATION_BY_ACCOUNT, f"{org_id}/{email}")
