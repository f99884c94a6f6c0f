"""The shapes of second factors."""

from __future__ import annotations

from pydantic import BaseModel, Field

from drovi_api.auth.shapes import Code, Input, Password, SignedIn


class SecondFactorState(BaseModel):
    """What the account has."""

    enabled: bool
    recovery_codes_left: int


class Begin(Input):
    """Who wants a factor, proven once more."""

    password: Password
    code: Code | None = Field(None, description="Of the factor in force, where there is one.")


class Enrolment(BaseModel):
    """What the authenticator app is given; shown once, and in force only when confirmed within fifteen minutes."""

    secret: str = Field(description="For typing it in.")
    uri: str = Field(description="The `otpauth:` address that the app understands.")
    qr_svg: str = Field(description="The same as a QR code: an SVG image.")


class FirstCode(Input):
    """Shows that the app has the secret."""

    code: Code


class Proof(Input):
    """The password, and a code of the factor in force."""

    password: Password
    code: Code


class RecoveryCodes(BaseModel):
    """Shown once; each opens the account once in the place of the app."""

    recovery_codes: list[str]


class Enabled(RecoveryCodes):
    """The factor is in force; the session goes on with it given, under a new token."""

    session: SignedIn
