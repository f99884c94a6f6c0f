"""The shapes of signing in."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field

from drovi_api.auth.shapes import Address, Code, Input, Password, SignedIn, Token


class Credentials(Input):
    """Who somebody says they are, and their proof."""

    email: Address
    password: Password
    organisation_id: UUID | None = Field(None, description="Where to work; none: where they joined first.")


class SecondFactor(Input):
    """The other half of a sign-in."""

    ticket: Token
    code: Code
    organisation_id: UUID | None = None


class SignInAnswer(BaseModel):
    """Exactly one of the two is there."""

    session: SignedIn | None = None
    second_factor_ticket: str | None = Field(
        None, description="The password was right: send this with a code within five minutes."
    )
