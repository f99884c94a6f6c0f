"""Routes of who is calling."""

from __future__ import annotations

from drovi_api.auth.me import repository
from drovi_api.auth.me.schemas import Me
from drovi_api.dependencies import Reads, feature

router = feature("/auth", "auth")


@router.get("/me", operation_id="get_me", summary="Who am I?")
def get_me(session: Reads) -> Me:
    """The user, organisation and role behind the API key."""
    return repository.me(session)
