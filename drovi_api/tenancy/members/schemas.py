"""The shapes of members."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from drovi_api.auth.shapes import Input
from resources.tenancy import Role


class Member(BaseModel):
    """Somebody in the organisation."""

    user_id: UUID
    name: str
    email: str
    role: Role
    joined_at: datetime


class RoleChange(Input):
    """What a member is to be."""

    role: Role
