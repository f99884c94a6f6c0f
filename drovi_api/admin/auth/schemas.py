"""The shapes of signing in as an administrator."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from drovi_api.auth.shapes import Address, Input, Password, Token

Code = Annotated[SecretStr, Field(min_length=6, max_length=10, description="From the authenticator app.")]


class Credentials(Input):
    """Who an administrator says they are, and the first half of their proof."""

    email: Address
    password: Password


class SecondFactor(Input):
    """The other half."""

    code: Code


class PasswordChange(Input):
    """A new password in the place of the present one."""

    current_password: Password
    new_password: Password


class Invitation(Input):
    """The token that the link in the mail carries."""

    token: Token


class Acceptance(Invitation):
    """What makes the invited one an administrator."""

    password: Password
    code: Code


class Enrolment(BaseModel):
    """A new second factor, shown once: put it into an authenticator app and give a code of it."""

    email: str = Field(description="The address the invitation is for.")
    secret: str = Field(description="Base32, for typing in.")
    uri: str = Field(description="The same as an `otpauth:` address, for a QR code.")
    min_password: int = Field(description="Least length of the password to choose.")


class Session(BaseModel):
    """A session of an administrator, and what it still lacks."""

    email: str
    csrf_token: str = Field(
        description="Send it as `X-CSRF-Token` with every request that changes something."
    )
    expires_at: datetime = Field(description="The latest; without requests it ends sooner.")
    second_factor: bool = Field(description="False: give a code next; nothing else is open.")
    password_due: bool = Field(description="True: set a new password next; nothing else is open.")
