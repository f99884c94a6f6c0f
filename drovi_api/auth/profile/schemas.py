"""The shapes of a profile."""

from __future__ import annotations

from pydantic import BaseModel, Field

from drovi_api.auth.shapes import Input, PersonName
from resources.mailer import Locale


class ProfileChange(Input):
    """What is to be otherwise; what is left out stays."""

    name: PersonName | None = None
    locale: Locale | None = Field(None, description="The language of letters.")


class Profile(BaseModel):
    """The person, as they and their colleagues see them."""

    email: str
    name: str
    locale: Locale
