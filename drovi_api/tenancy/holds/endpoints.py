"""Routes of legal holds."""

from __future__ import annotations

from uuid import UUID

from drovi_api.dependencies import Reads, Writes, feature, requires
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.tenancy.holds import repository, service
from drovi_api.tenancy.holds.schemas import Hold, NewHold
from resources.permissions import Permission

router = feature("/holds", "holds")


@router.post("", operation_id="place_hold", summary="Place a legal hold", status_code=201)
@requires(Permission.MANAGE_POLICIES)
def place_hold(session: Writes, body: NewHold) -> Hold:
    """While it stands nothing that it covers is erased: not by a member, not by retention, not by a deletion at the source."""
    return service.place(session, body)


@router.get("", operation_id="list_holds", summary="List legal holds")
@requires(Permission.MANAGE_POLICIES)
def list_holds(session: Reads, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT) -> Page[Hold]:
    """Standing and released ones, newest first."""
    return repository.page(session, cursor, limit)


@router.post(
    "/{hold_id}/release",
    operation_id="release_hold",
    summary="Release a legal hold",
    responses=problem_responses(404, 409),
)
@requires(Permission.MANAGE_POLICIES)
def release_hold(session: Writes, hold_id: UUID) -> Hold:
    """What was deleted at its source while the hold stood is removed now, unless another hold covers it."""
    return service.release(session, hold_id)
