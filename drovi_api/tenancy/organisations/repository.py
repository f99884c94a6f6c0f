"""The organisation's row: row-level security leaves one to be read."""

from __future__ import annotations

from sqlalchemy import select, update

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.tenancy.organisations.schemas import OrganisationDetails
from resources.database import Lookup
from resources.schema import organisation

_COLUMNS = tuple(organisation.c[name] for name in OrganisationDetails.model_fields)
_ONE = Lookup(select(*_COLUMNS))


def one(session: ReadSession) -> OrganisationDetails:
    """The caller's."""
    return OrganisationDetails.model_validate(session.found(_ONE, "organisation"), from_attributes=True)


def rename(session: WriteSession, name: str) -> None:
    """Give it another name."""
    session.run(update(organisation).where(organisation.c.id == session.principal.org_id).values(name=name))
