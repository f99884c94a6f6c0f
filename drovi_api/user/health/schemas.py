"""The shapes of health."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Check(BaseModel):
    """One dependency, as it answered just now."""

    name: str
    status: Literal["up", "down"]
    required: bool = Field(description="Whether the service cannot work without it.")
    detail: str = Field(description="What was found, in a few words.")
    milliseconds: float = Field(description="How long it took to answer.")


class Health(BaseModel):
    """Whether the service can work."""

    status: Literal["ok", "degraded", "down"] = Field(
        description="`ok`: all is up. `degraded`: something optional is down. `down`: something required is."
    )
    version: str
    checks: list[Check]
