"""Routes of intakes."""

from __future__ import annotations

from uuid import UUID

from drovi_api.dependencies import Reads, Runtime, Writes, feature, requires
from drovi_api.errors import problem_responses
from drovi_api.user.intakes import service
from drovi_api.user.intakes.schemas import Intake, NewSecret, OpenedIntake
from resources.permissions import Permission

router = feature("/connections", "connections")


@router.get(
    "/{connection_id}/intake",
    operation_id="get_intake",
    summary="What was pushed to a source",
    responses=problem_responses(404),
)
def get_intake(session: Reads, connection_id: UUID) -> Intake:
    """How many messages came, and when the last did; there is none of a source that is read."""
    return service.one(session, connection_id)


@router.post(
    "/{connection_id}/intake/secret",
    operation_id="replace_intake_secret",
    summary="Replace a source's secret",
    status_code=201,
    responses=problem_responses(404),
)
@requires(Permission.CONNECT_SOURCES)
def replace_intake_secret(
    session: Writes, runtime: Runtime, connection_id: UUID, body: NewSecret
) -> OpenedIntake:
    """Make a new secret for what is pushed; the address stays. The one before it holds for a while, to change over."""
    return service.rotate(session, runtime, connection_id, body)
