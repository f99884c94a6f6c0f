"""Routes of sessions."""

from __future__ import annotations

from uuid import UUID

from drovi_api.auth.sessions import service
from drovi_api.auth.sessions.schemas import CurrentSession, Sessions, Switch
from drovi_api.auth.shapes import Accepted, SignedIn
from drovi_api.entrance import Persons, entrance
from drovi_api.errors import problem_responses

router = entrance("/auth")


@router.get("/session", operation_id="get_session", summary="Who is signed in here?")
def get_session(visit: Persons) -> CurrentSession:
    """The person, their organisations, and the CSRF token that their requests must show."""
    return service.current(visit)


@router.post(
    "/session/organisation", operation_id="switch_organisation", summary="Work in another organisation"
)
def switch_organisation(visit: Persons, body: Switch) -> SignedIn:
    """Go on in another of one's organisations, under a new token."""
    return service.switch(visit, body.organisation_id)


@router.get("/sessions", operation_id="list_sessions", summary="List one's sessions")
def list_sessions(visit: Persons) -> Sessions:
    """Every browser that is signed in to this account."""
    return service.listed(visit)


@router.delete(
    "/sessions/{session_id}",
    operation_id="revoke_session",
    summary="End a session",
    responses=problem_responses(404),
)
def revoke_session(visit: Persons, session_id: UUID) -> Accepted:
    """Sign one browser out, at once."""
    return service.revoke(visit, session_id)


@router.delete("/sessions", operation_id="revoke_other_sessions", summary="End all other sessions")
def revoke_other_sessions(visit: Persons) -> Accepted:
    """Sign every browser but this one out, at once."""
    return service.revoke_others(visit)
