"""The shapes of policies."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from drovi_api.auth.shapes import Input
from drovi_assets.connectors.registry import CONNECTORS
from resources.errors import Invalid
from resources.identity import addresses
from resources.policies import Visibility
from resources.records import RecordKind


def _connector(name: str) -> str:
    if name not in CONNECTORS:
        raise ValueError(f"there is no such connector; there are {', '.join(sorted(CONNECTORS))}")
    return name


def _domain(name: str) -> str:
    try:
        return addresses.domain_of(addresses.normalise(f"somebody@{name}"))
    except Invalid:
        raise ValueError("that is not the domain of an e-mail address") from None


Connector = Annotated[str, Field(max_length=100), AfterValidator(_connector)]
Domain = Annotated[str, Field(max_length=200), AfterValidator(_domain)]
Days = Annotated[int, Field(ge=1, le=36_500)]


class PolicySettings(Input):
    """What the organisation allows. All of it is given at once: what is not named would be a guess."""

    allowed_connectors: Annotated[list[Connector], Field(max_length=100)] | None = Field(
        description="The kinds of sources that may be connected; null: every one."
    )
    default_visibility: Visibility = Field(description="Of a source that is connected without saying which.")
    allowed_email_domains: list[Domain] = Field(
        max_length=100, description="Whose addresses may be invited and join; none: everybody's."
    )
    session_hours: int = Field(
        ge=1, le=720, description="How long a session lasts at most, open ones included."
    )
    second_factor_required: bool = Field(
        description="Whether sessions open the organisation only once a second factor was given in them."
    )
    retention_days: dict[RecordKind, Days] = Field(
        description="Days that content is kept, by kind; a kind that is not named is kept for good."
    )
