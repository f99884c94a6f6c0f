"""The shapes of sessions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from drovi_api.auth.shapes import Input, Membership
from resources.mailer import Locale


class CurrentSession(BaseModel):
    """Who is signed in, for a page that has just been opened."""

    user_id: UUID
    email: str
    name: str
    locale: Locale
    csrf_token: str
    organisation_id: UUID | None
    organisations: list[Membership]
    second_factor: bool = Field(description="Whether a second factor was given in this session.")


class Session(BaseModel):
    """A browser that is signed in."""

    id: UUID
    current: bool = Field(description="Whether it is the one that asks.")
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str


class Sessions(BaseModel):
    """A person's sessions in force, the latest used first."""

    items: list[Session]


class Switch(Input):
    """Where to work from now on."""

    organisation_id: UUID
