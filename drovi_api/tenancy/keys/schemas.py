"""The shapes of API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from drovi_api.auth.shapes import ONE_LINE, Input
from resources.permissions import Scope

KeyName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=ONE_LINE)
]


class NewApiKey(Input):
    """What it takes to make one."""

    name: KeyName = Field(description="For its owner to know it by.")
    scopes: set[Scope] = Field(
        min_length=1, description="What it may do of what its owner may: read, write, manage."
    )
    expires_at: AwareDatetime | None = Field(None, description="None: it lasts until it is revoked.")


class ApiKey(BaseModel):
    """A key, without what opens anything."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute; null: never.")


class CreatedApiKey(ApiKey):
    """A new key. It is shown this once."""

    key: str = Field(description="Send it as `Authorization: Bearer …`. Nobody can show it again.")
