"""The shapes of accepting an invitation."""

from __future__ import annotations

from pydantic import BaseModel, Field

from drovi_api.auth.shapes import Input, Password, PersonName, Token
from resources.mailer import Locale
from resources.tenancy import Role


class InvitationToken(Input):
    """The invitation's token."""

    token: Token


class InvitationPreview(BaseModel):
    """What one is invited to."""

    organisation: str
    inviter: str
    role: Role
    email: str
    name: str = Field(description="What whoever invited called the person; empty where they did not.")
    has_account: bool = Field(
        description="Whether the address has an account: then sign in with it before you accept."
    )


class Acceptance(Input):
    """The invitation's token and, from somebody new, a name and a password."""

    token: Token
    name: PersonName | None = Field(None, description="Of somebody who has no account yet.")
    password: Password | None = Field(None, description="Of somebody who has no account yet.")
    locale: Locale = "en"
