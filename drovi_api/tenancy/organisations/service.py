"""The rules of changing the organisation."""

from __future__ import annotations

from drovi_api.dependencies import WriteSession
from drovi_api.tenancy.organisations import repository
from drovi_api.tenancy.organisations.schemas import OrganisationChange, OrganisationDetails
from resources.audit import Action


def update(session: WriteSession, change: OrganisationChange) -> OrganisationDetails:
    """Rename it; its address stays, since links hold it."""
    before = repository.one(session)
    if change.name != before.name:
        repository.rename(session, change.name)
        session.audit(
            Action.ORGANISATION_UPDATED,
            "organisation",
            before.id,
            before={"name": before.name},
            after={"name": change.name},
        )
    return repository.one(session)
