"""The rules of a profile."""

from __future__ import annotations

from drovi_api.auth import begin
from drovi_api.auth.profile.schemas import Profile, ProfileChange
from drovi_api.entrance import PersonVisit
from resources.audit import Action
from resources.errors import Unauthenticated
from resources.identity import people


def update(visit: PersonVisit, given: ProfileChange) -> Profile:
    """Change what was given.

    Raises:
        Unauthenticated: the account has gone meanwhile.
    """
    before = people.by_id(visit.connection, visit.session.user_id)
    if before is None:
        raise Unauthenticated("The account is gone.", remedy="Sign in again.")
    name, locale = given.name or before.name, given.locale or before.locale
    if (name, locale) != (before.name, before.locale):
        people.set_profile(visit.connection, before.id, name, locale)
        begin.record_for_all(
            visit,
            Action.PROFILE_CHANGED,
            before.id,
            before={"name": before.name, "locale": before.locale},
            after={"name": name, "locale": locale},
        )
    return Profile(email=before.email, name=name, locale=locale)
