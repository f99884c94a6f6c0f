"""The shapes of administrators."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from drovi_api.auth.shapes import Address, Input


class Administrator(BaseModel):
    """An administrator, or somebody who was invited to be one."""

    id: UUID
    email: str
    active: bool = Field(description="Whether they can sign in.")
    email_verified_at: datetime | None = Field(description="Null: the invitation was not accepted yet.")
    disabled_at: datetime | None
    created_at: datetime


class Administrators(BaseModel):
    """All of them, by address."""

    items: list[Administrator]


class Invitee(Input):
    """Who is to be invited."""

    email: Address = Field(description="Of the administrators' domain, in lower case, as it is to be typed.")


class Invited(BaseModel):
    """The invitation is on its way."""

    id: UUID
    email: str
