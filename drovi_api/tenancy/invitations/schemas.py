"""The shapes of invitations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from drovi_api.auth.shapes import ONE_LINE, Address, Input
from resources.tenancy import Role

MAX_TABLE = 200_000
"""Characters: 500 lines of the longest names and addresses that people have fit in."""

GivenName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=ONE_LINE)]
Outcome = Literal[
    "invited",
    "resent",
    "already_member",
    "duplicate",
    "invalid_address",
    "invalid_role",
    "role_not_allowed",
    "domain_not_allowed",
]


class NewInvitation(Input):
    """Who is to join, as what."""

    email: Address
    role: Role
    name: GivenName = Field("", description="What to call them until they say so themselves.")


class InvitationTable(Input):
    """A spreadsheet of people to invite."""

    csv: str = Field(
        max_length=MAX_TABLE,
        description="The file's text: separated by comma, semicolon or tab, with a first line that names the "
        "columns `email`, `role` and, where there is one, `name` (or `courriel`, `rôle`, `nom`). At most 500 rows.",
        examples=["email,role,name\nanne@firm.example,MEMBER,Anne Morel\n"],
    )


class Invitation(BaseModel):
    """An invitation that nobody has accepted or revoked."""

    id: UUID
    email: str
    name: str
    role: Role
    invited_by: UUID | None
    created_at: datetime
    expires_at: datetime
    expired: bool = Field(description="Whether it has to be sent again to be of use.")


class RowReport(BaseModel):
    """What became of one row."""

    row: int = Field(description="As a spreadsheet counts: the line with the names is 1.")
    email: str = Field(description="As it stands in the file.")
    outcome: Outcome
    detail: str = Field(description="The outcome in a sentence.")


class TableReport(BaseModel):
    """What became of every row, in the order of the file."""

    invited: int
    resent: int
    refused: int
    rows: list[RowReport]
