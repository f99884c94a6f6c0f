"""What must hold of the rows derived from a partition, as data: Great Expectations' own terms, by asset.

The database enforces part of it; these are the second pair of eyes, on rows as they are read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resources.schema.content import EMBEDDING_DIMENSIONS

LONGEST_CHUNK_WORDS = 480
"""Twice what the chunker aims to stay under: a longer one is cut off by the embedding model unseen."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation: Great Expectations' class of that name, on a column; a null is not judged."""

    name: str
    column: str
    values: Mapping[str, Any] = field(default_factory=dict)


def _none(column: str) -> Expectation:
    return Expectation("ExpectColumnValuesToBeBetween", column, {"max_value": 0})


def _within(column: str, low: float, high: float) -> Expectation:
    return Expectation("ExpectColumnValuesToBeBetween", column, {"min_value": low, "max_value": high})


def _some(column: str) -> Expectation:
    return Expectation("ExpectColumnValuesToBeBetween", column, {"min_value": 1})


SUITES: Mapping[str, tuple[Expectation, ...]] = {
    "documents": (
        Expectation("ExpectColumnValuesToBeUnique", "id"),
        Expectation("ExpectColumnValuesToBeInSet", "status", {"value_set": ["parsed", "refused"]}),
        _some("reason_length_of_refused"),
        _none("blocks_outside_text"),
        _none("chunks_unlike_text"),
        _none("text_without_chunks"),
        _within("longest_chunk", 0, LONGEST_CHUNK_WORDS),
    ),
    "objects": (
        Expectation("ExpectColumnValuesToBeUnique", "id"),
        Expectation(
            "ExpectColumnValuesToBeInSet",
            "kind",
            {"value_set": ["commitment", "decision", "risk", "claim", "advice", "task"]},
        ),
        _within("confidence", 0.0, 1.0),
        _some("evidence"),
        _none("quotes_unlike_text"),
        _none("wider_than_evidence"),
    ),
    "index": (
        Expectation("ExpectColumnValuesToNotBeNull", "model"),
        _within("dimensions", EMBEDDING_DIMENSIONS, EMBEDDING_DIMENSIONS),
        _within("norm", 0.98, 1.02),  # half precision
        _none("terms_without_frequency"),
        _none("wider_than_chunk"),
    ),
}
