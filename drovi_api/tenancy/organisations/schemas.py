"""The shapes of the organisation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from drovi_api.auth.shapes import Input, OrganisationName


class OrganisationDetails(BaseModel):
    """The organisation the caller works in."""

    id: UUID
    name: str
    slug: str = Field(description="The first name as it stands in addresses; it stays when the name changes.")
    created_at: datetime


class OrganisationChange(Input):
    """What is to be different about it."""

    name: OrganisationName
