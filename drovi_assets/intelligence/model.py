"""The intelligence object as extraction yields it, before it has a tenant or an identity.

Offsets are Unicode code points into the text that was read, start inclusive, end exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ObjectKind(StrEnum):
    """The kinds of intelligence object of the first version."""

    COMMITMENT = "commitment"
    DECISION = "decision"
    RISK = "risk"
    CLAIM = "claim"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Quote:
    """Exact words and where they stand: ``source[start:end] == text``."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TextContext:
    """What is known about a text besides its words; makes relative dates and "I" resolvable.

    ``author`` is who wrote it ("" if unknown); ``written_at`` when, for "tomorrow" and "fin juin".
    """

    author: str = ""
    recipients: tuple[str, ...] = ()
    written_at: datetime | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class ExtractedObject:
    """One commitment, decision, risk, claim or advice with at least one quote.

    ``text`` is the normalised statement (the quote itself by default); ``slots`` plain JSON values, by
    kind: commitment ``who``, ``to``, ``what``, ``due`` (ISO date) and ``due_text`` (the document's own words), ``condition``;
    decision ``what``, ``by``, ``date``; risk ``what``, ``severity``; claim ``subject``, ``value``, ``unit``;
    advice ``by``, ``to``, ``what``. A slot that is not in the text is absent. ``confidence`` is in [0, 1].
    """

    kind: ObjectKind
    text: str
    evidence: tuple[Quote, ...]
    confidence: float
    slots: dict[str, object] = field(default_factory=dict)
