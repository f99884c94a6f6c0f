"""The rules of founding an organisation."""

from __future__ import annotations

from drovi_api.auth import begin
from drovi_api.auth.organisations.schemas import NewOrganisation
from drovi_api.auth.shapes import SignedIn
from drovi_api.entrance import PersonVisit
from resources.audit import Action
from resources.errors import Forbidden
from resources.identity import limits, people


def found(visit: PersonVisit, given: NewOrganisation) -> SignedIn:
    """Found it, and go on in it under a new token.

    Raises:
        Forbidden: this installation serves the organisations it has.
        RateLimited: the person has founded too many today.
    """
    if not visit.runtime.open_sign_up:
        raise Forbidden(
            "New organisations are not founded here.", remedy="Ask whoever runs this installation."
        )
    user_id = visit.session.user_id
    limits.take(visit.runtime.identity, limits.FOUNDING_BY_ACCOUNT, str(user_id))
    org_id = people.found_organisation(visit.connection, given.name, user_id)
    answer = begin.replaced(visit, org_id=org_id)
    begin.record(
        visit,
        Action.ORGANISATION_CREATED,
        user_id,
        org_id,
        subject=("organisation", org_id),
        after={"name": given.name},
    )
    return answer
