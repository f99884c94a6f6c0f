"""Routes of the organisation."""

from __future__ import annotations

from drovi_api.dependencies import Reads, Writes, feature, requires
from drovi_api.tenancy.organisations import repository, service
from drovi_api.tenancy.organisations.schemas import OrganisationChange, OrganisationDetails
from resources.permissions import Permission

router = feature("/organisation", "organisation")


@router.get("", operation_id="get_organisation", summary="Read the organisation")
def get_organisation(session: Reads) -> OrganisationDetails:
    """The organisation the caller works in. All of a person's own are in the session's answer."""
    return repository.one(session)


@router.patch("", operation_id="update_organisation", summary="Rename the organisation")
@requires(Permission.MANAGE_ORGANISATION)
def update_organisation(session: Writes, body: OrganisationChange) -> OrganisationDetails:
    """Give it another name."""
    return service.update(session, body)
