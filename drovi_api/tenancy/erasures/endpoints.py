"""Routes of erasures."""

from __future__ import annotations

from uuid import UUID

from drovi_api.dependencies import Reads, Runtime, Writes, feature, requires
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.tenancy.erasures import repository, service
from drovi_api.tenancy.erasures.schemas import OrganisationErasure, OrganisationErasureRequest, Receipt
from drovi_api.user.jobs import repository as jobs
from drovi_api.user.jobs.schemas import Job
from resources.permissions import Permission

router = feature("", "erasures")


@router.delete(
    "/connections/{connection_id}",
    operation_id="delete_connection",
    summary="Disconnect a source and erase what it brought",
    status_code=202,
    responses=problem_responses(404, 409),
)
@requires(Permission.CONNECT_SOURCES)
def delete_connection(session: Writes, connection_id: UUID) -> Job:
    """The source is gone for everybody at once; follow the job while its content goes. It cannot be undone."""
    return jobs.one(session, service.erase_source(session, connection_id))


@router.post(
    "/members/{user_id}/erasure",
    operation_id="erase_member",
    summary="Erase a person's data",
    status_code=202,
    responses=problem_responses(404, 409),
)
@requires(Permission.ERASE)
def erase_member(session: Writes, user_id: UUID) -> Job:
    """The member is out at once. Their private sources go with everything derived; shared ones become the caller's."""
    return jobs.one(session, service.erase_person(session, user_id))


@router.get(
    "/organisation/erasure",
    operation_id="get_organisation_erasure",
    summary="See whether the organisation is erased",
)
def get_organisation_erasure(session: Reads) -> OrganisationErasure:
    """When the organisation's erasure begins, where one is scheduled."""
    return repository.scheduled(session)


@router.post(
    "/organisation/erasure",
    operation_id="schedule_organisation_erasure",
    summary="Erase the organisation",
    status_code=202,
    responses=problem_responses(409),
)
@requires(Permission.ERASE)
def schedule_organisation_erasure(
    session: Writes, runtime: Runtime, body: OrganisationErasureRequest
) -> OrganisationErasure:
    """After some days of grace everything goes: sources, files, members, the audit log. Until then it can be called off."""
    return service.schedule(session, body.name, runtime.erasure_grace)


@router.delete(
    "/organisation/erasure",
    operation_id="call_off_organisation_erasure",
    summary="Keep the organisation after all",
    responses=problem_responses(409),
)
@requires(Permission.ERASE)
def call_off_organisation_erasure(session: Writes) -> OrganisationErasure:
    """Call a scheduled erasure off, before it begins."""
    return service.call_off(session)


@router.get("/erasures", operation_id="list_erasures", summary="List receipts of erasures")
@requires(Permission.READ_AUDIT)
def list_erasures(session: Reads, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT) -> Page[Receipt]:
    """What was erased and how much of it, newest first; what retention removed too."""
    return repository.receipts(session, cursor, limit)


@router.get(
    "/erasures/{receipt_id}",
    operation_id="get_erasure",
    summary="Read a receipt",
    responses=problem_responses(404),
)
@requires(Permission.READ_AUDIT)
def get_erasure(session: Reads, receipt_id: UUID) -> Receipt:
    """One receipt; it is there from the erasure's first step on."""
    return repository.receipt(session, receipt_id)
