"""Routes of signing in and out as an administrator."""

from __future__ import annotations

from drovi_api.admin.auth import service
from drovi_api.admin.auth.schemas import (
    Acceptance,
    Credentials,
    Enrolment,
    Invitation,
    PasswordChange,
    SecondFactor,
    Session,
)
from drovi_api.admin.dependencies import Entering, Visits, feature
from drovi_api.auth.shapes import Accepted
from drovi_api.entrance import Answers, even
from drovi_api.errors import problem_responses

router = feature("/auth", "auth")


@router.post("/sign-in", operation_id="admin_sign_in", summary="Sign in: password")
@even(Answers.REFUSALS)
def admin_sign_in(visit: Visits, body: Credentials) -> Session:
    """Begin a session that opens nothing until a code is given, within five minutes. An unknown address answers, and takes, the same as a wrong password."""
    return service.sign_in(visit, body)


@router.post(
    "/second-factor",
    operation_id="admin_second_factor",
    summary="Sign in: second factor",
    responses=problem_responses(409),
)
def admin_second_factor(visit: Entering, body: SecondFactor) -> Session:
    """Complete the sign-in with a code of the authenticator app, each of which works once."""
    return service.second_factor(visit, body)


@router.get("/session", operation_id="admin_session", summary="Who is signed in here?")
def admin_session(visit: Entering) -> Session:
    """The administrator, the CSRF token that their requests must show, and what the session still lacks."""
    return service.current(visit)


@router.post("/sign-out", operation_id="admin_sign_out", summary="Sign out")
def admin_sign_out(visit: Entering) -> Accepted:
    """End the session; its cookie opens nothing from here on."""
    return service.sign_out(visit)


@router.post("/password", operation_id="admin_change_password", summary="Set a new password")
def admin_change_password(visit: Entering, body: PasswordChange) -> Session:
    """Replace the password; one of the last five is refused. The other sessions end; this one goes on under a new token."""
    return service.change_password(visit, body)


@router.post("/invitation", operation_id="admin_open_invitation", summary="Open an invitation")
def admin_open_invitation(visit: Visits, body: Invitation) -> Enrolment:
    """Begin to become an administrator: get a second factor. The link stays good; opened again, it gives another one."""
    return service.open_invitation(visit, body)


@router.post(
    "/invitation/accept",
    operation_id="admin_accept_invitation",
    summary="Accept an invitation",
    status_code=201,
)
def admin_accept_invitation(visit: Visits, body: Acceptance) -> Session:
    """Become an administrator, with a password and a code of the second factor, and be signed in. The link is used up."""
    return service.accept_invitation(visit, body)
