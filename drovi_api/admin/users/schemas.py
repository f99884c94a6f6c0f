"""The shapes of people."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from resources.tenancy import Role


class UserSummary(BaseModel):
    """A person who has an account."""

    id: UUID
    email: str
    name: str
    email_verified_at: datetime | None
    disabled_at: datetime | None = Field(
        description="Not null: they cannot sign in, and their keys open nothing."
    )
    created_at: datetime


class Membership(BaseModel):
    """An organisation that a person is in, whatever its status."""

    organisation_id: UUID
    name: str
    status: str
    role: Role


class User(UserSummary):
    """A person, with where they are members and how they sign in."""

    memberships: list[Membership]
    second_factor: bool
    sessions: int = Field(description="How many browsers are signed in.")
