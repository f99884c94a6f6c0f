"""Routes of a person's profile."""

from __future__ import annotations

from drovi_api.auth.profile import service
from drovi_api.auth.profile.schemas import Profile, ProfileChange
from drovi_api.entrance import Persons, entrance

router = entrance("/auth/me")


@router.patch("", operation_id="update_profile", summary="Change one's name or language")
def update_profile(visit: Persons, body: ProfileChange) -> Profile:
    """Change how one is named, in every organisation, and the language of one's letters."""
    return service.update(visit, body)
