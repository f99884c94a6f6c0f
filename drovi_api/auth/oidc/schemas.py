"""The shapes of single sign-on."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field


class SingleSignOn(BaseModel):
    """What the sign-in page offers beside the password."""

    available: bool
    name: str = Field(description="What the button says; empty where there is none.")


class Reason(StrEnum):
    """Why a sign-in by the provider ended on the sign-in page, which shows it in words: its query says `problem=…`."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    NOT_INVITED = "not_invited"
    ADDRESS_NOT_VERIFIED = "address_not_verified"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    PROVIDER_MISCONFIGURED = "provider_misconfigured"
