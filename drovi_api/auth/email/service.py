"""The rules of changing an address: it is what passwords are reset by, so it takes the password and a proof of the new one."""

from __future__ import annotations

from drovi_api.auth import begin, proof
from drovi_api.auth.email.schemas import Confirmation, NewAddress
from drovi_api.auth.letters import send
from drovi_api.auth.shapes import Accepted, SignedIn
from drovi_api.entrance import PersonVisit
from resources.audit import Action
from resources.errors import Forbidden, Invalid
from resources.identity import addresses, limits, people, policies, sessions, tokens
from resources.identity.tokens import Purpose


def request(visit: PersonVisit, given: NewAddress) -> Accepted:
    """Send the link. An address that has an account answers the same; its owner is told.

    Raises:
        Forbidden: the password is wrong, or an organisation of the person's takes no such address.
        Invalid: it is not an address, or the one the account has.
        RateLimited: too many tries, or too many letters to the address.
    """
    email = addresses.normalise(given.email)
    person = proof.by_password(visit, given.password)
    if email == person.email:
        raise Invalid("That is the account's address already.", remedy="Give another one.")
    if closed := policies.closed_to_domain(visit.connection, person.id, addresses.domain_of(email)):
        raise Forbidden(
            f"{closed[0]} takes addresses of its own domains only.",
            remedy="Choose one of those, or ask its owner to allow this one.",
        )
    limits.take(visit.runtime.identity, limits.MAIL_BY_ADDRESS, visit.origin.address)
    limits.take(visit.runtime.identity, limits.MAIL_BY_ACCOUNT, email)
    token = tokens.issue(visit.connection, Purpose.CHANGE_EMAIL, email, person.id)
    taken = people.by_email(visit.connection, email)
    if taken is not None:
        send(visit, "account_exists", to=email, locale=taken.locale, page="sign-in", recipient=taken.name)
    else:
        send(
            visit,
            "change_email",
            to=email,
            locale=person.locale,
            page="change-email",
            token=token,
            recipient=person.name,
            valid_for=tokens.LIFETIMES[Purpose.CHANGE_EMAIL],
        )
    send(
        visit,
        "email_change_requested",
        to=person.email,
        locale=person.locale,
        page="account/security",
        recipient=person.name,
        address=email,
    )
    begin.record_for_all(visit, Action.EMAIL_CHANGE_REQUESTED, person.id, after={"email": email})
    return Accepted()


def confirm(visit: PersonVisit, given: Confirmation) -> SignedIn:
    """Take the address.

    Only in a session of the account itself: a link that went to a stranger by mistake does nothing in their browser.

    Raises:
        Invalid: the token is not valid any more, or is of another account.
        Conflict: somebody made an account with this address meanwhile.
        RateLimited: too many tries from here.
    """
    limits.take(visit.runtime.identity, limits.TOKEN_BY_ADDRESS, visit.origin.address)
    proven = tokens.redeem(visit.connection, Purpose.CHANGE_EMAIL, given.token.get_secret_value())
    user_id, before = visit.session.user_id, visit.session.email
    if proven.user_id != user_id:
        raise Invalid(
            "The link is of another account.",
            remedy="Sign in to the account that asked for it, and try again.",
        )
    people.set_email(visit.connection, user_id, proven.email)
    sessions.revoke_all(visit.connection, user_id, but=visit.session.id)
    session = begin.replaced(visit)
    begin.record_for_all(
        visit, Action.EMAIL_CHANGED, user_id, before={"email": before}, after={"email": proven.email}
    )
    return session
