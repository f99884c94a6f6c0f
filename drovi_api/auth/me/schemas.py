"""The shapes of who is calling."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field

from resources.tenancy import Role


class User(BaseModel):
    """The person an API key belongs to."""

    id: UUID
    email: str
    name: str


class Organisation(BaseModel):
    """The tenant."""

    id: UUID
    name: str
    slug: str = Field(description="The name as it stands in addresses.")


class Me(BaseModel):
    """The caller, as the key identifies them."""

    user: User
    organisation: Organisation
    role: Role
