"""The shapes of questions and answers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from drovi_api.user.evidence.schemas import Quote


class AskRequest(BaseModel):
    """A question in plain words."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=1000, description="In French or English.")
    path: str = Field("", max_length=4096, description="Only from this file, or from what is in this folder.")


class Answer(BaseModel):
    """An answer with its proof, or a refusal."""

    answer: str = Field(description="In the question's language; says so where there is no evidence.")
    refused: bool = Field(description="True where nothing that was found answers the question.")
    citations: list[Quote] = Field(description="The exact words the answer rests on; empty for a refusal.")
    searched: int = Field(description="How many passages were weighed.")
    latency_ms: float
