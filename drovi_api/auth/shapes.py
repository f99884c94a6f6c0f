"""The shapes that several features of signing in share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from resources.identity.addresses import MAX_LENGTH as MAX_ADDRESS
from resources.identity.passwords import MAX_LENGTH as MAX_PASSWORD
from resources.tenancy import Role

Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=MAX_ADDRESS)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=MAX_PASSWORD)]
Token = Annotated[
    SecretStr, Field(min_length=1, max_length=200, description="As the link in the mail carries it.")
]
Code = Annotated[
    SecretStr,
    Field(min_length=6, max_length=40, description="From the authenticator app, or a recovery code."),
]
ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
"""Names stand in letters, lists and logs: no control character has a place in one."""
PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=ONE_LINE)
]
OrganisationName = PersonName


class Input(BaseModel):
    """What a request carries: nothing beyond its fields, and no value repeated in an error, since it may be a secret."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Membership(BaseModel):
    """An organisation a person is in."""

    id: UUID
    name: str
    slug: str
    role: Role


class SignedIn(BaseModel):
    """A session has begun; its cookie is set."""

    csrf_token: str = Field(
        description="Send it as `X-CSRF-Token` with every request that changes something."
    )
    expires_at: datetime
    organisation_id: UUID | None = Field(
        description="The organisation the session works in; null for none yet."
    )
    organisations: list[Membership]


class Accepted(BaseModel):
    """The request was taken; whether an account exists is not said."""

    accepted: Literal[True] = True
