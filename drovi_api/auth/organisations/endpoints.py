"""Routes of founding an organisation."""

from __future__ import annotations

from drovi_api.auth.organisations import service
from drovi_api.auth.organisations.schemas import NewOrganisation
from drovi_api.auth.shapes import SignedIn
from drovi_api.entrance import Persons, entrance

router = entrance("/auth/organisations")


@router.post("", operation_id="found_organisation", summary="Found another organisation", status_code=201)
def found_organisation(visit: Persons, body: NewOrganisation) -> SignedIn:
    """Found an organisation and be its owner. The session goes on in it, under a new token."""
    return service.found(visit, body)
