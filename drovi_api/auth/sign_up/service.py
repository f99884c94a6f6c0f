"""The rules of signing up.

No row of a person exists before somebody has followed the link that went to their address: an account that others
could prepare for them, password included, would open to both.
"""

from __future__ import annotations

from drovi_api.auth import begin
from drovi_api.auth.letters import send
from drovi_api.auth.shapes import Accepted, SignedIn
from drovi_api.auth.sign_up.schemas import NewAccount, SignUp
from drovi_api.entrance import Visit
from resources.audit import Action
from resources.errors import Conflict, Forbidden
from resources.identity import addresses, limits, passwords, people, tokens
from resources.identity.tokens import Purpose


def sign_up(visit: Visit, given: SignUp) -> Accepted:
    """Send the link.

    Raises:
        Forbidden: this installation takes invited people only.
        Invalid: it is not an address.
        RateLimited: too many letters to it, or from here.
    """
    if not visit.runtime.open_sign_up:
        raise Forbidden(
            "Accounts are by invitation here.", remedy="Ask your organisation's owner to invite you."
        )
    email = addresses.normalise(given.email)
    limits.take(visit.runtime.identity, limits.MAIL_BY_ADDRESS, visit.origin.address)
    limits.take(visit.runtime.identity, limits.MAIL_BY_ACCOUNT, email)
    person = people.by_email(visit.connection, email)
    if person is not None:
        send(visit, "account_exists", to=email, locale=person.locale, page="sign-in", recipient=person.name)
        return Accepted()
    token = tokens.issue(visit.connection, Purpose.SIGN_UP, email, None)
    send(
        visit,
        "verify_email",
        to=email,
        locale=given.locale,
        page="sign-up",
        token=token,
        recipient=email,
        valid_for=tokens.LIFETIMES[Purpose.SIGN_UP],
    )
    return Accepted()


def complete(visit: Visit, given: NewAccount) -> SignedIn:
    """Make the account.

    Raises:
        Invalid: the token is not valid any more, or the password is not acceptable; the token still is then.
        Conflict: somebody made an account with this address meanwhile.
    """
    limits.take(visit.runtime.identity, limits.TOKEN_BY_ADDRESS, visit.origin.address)
    proven = tokens.redeem(visit.connection, Purpose.SIGN_UP, given.token.get_secret_value())
    password = given.password.get_secret_value()
    passwords.require_acceptable(password, proven.email)
    if people.by_email(visit.connection, proven.email) is not None:
        raise Conflict("There is an account with this address.", remedy="Sign in, or reset the password.")
    user_id = people.create(visit.connection, proven.email, given.name, given.locale, password)
    org_id = people.found_organisation(visit.connection, given.organisation_name, user_id)
    begin.record(
        visit,
        Action.ORGANISATION_CREATED,
        user_id,
        org_id,
        subject=("organisation", org_id),
        after={"name": given.organisation_name},
    )
    return begin.session(visit, user_id, org_id)
