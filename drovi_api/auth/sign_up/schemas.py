"""The shapes of signing up."""

from __future__ import annotations

from pydantic import Field

from drovi_api.auth.shapes import Address, Input, OrganisationName, Password, PersonName, Token
from resources.mailer import Locale


class SignUp(Input):
    """Who wants an account."""

    email: Address
    locale: Locale = "en"


class NewAccount(Input):
    """What makes the account, once the link in the mail was followed."""

    token: Token
    name: PersonName
    password: Password
    organisation_name: OrganisationName = Field(description="The organisation it founds, as its owner.")
    locale: Locale = "en"
