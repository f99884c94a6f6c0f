"""The product on the ``test`` split of every golden set: no figure may fall below its floor.

Floors stand in ``golden_datasets/manifest.json``, a little below what was measured when they were set. The mutants
show that a floor holds something: code that finds everything, or nothing, falls through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from drovi_assets.documents.model import Block, ParsedDocument
from drovi_assets.evaluation.subjects import Answered, Citation, Passage
from drovi_assets.evaluation.suites import run
from drovi_assets.intelligence.model import ExtractedObject, ObjectKind, Quote, TextContext
from golden_datasets import SetName, manifest


@pytest.mark.parametrize("suite", list(manifest().sets))
def test_product_reaches_its_floors(suite: SetName) -> None:
    """Every metric named in the manifest is at or above its floor."""
    report = run(suite)
    assert report.below(manifest().sets[suite].floors) == []


@dataclass(frozen=True)
class Always:
    """A verdict that does not depend on what was asked."""

    label: str


def extracts_nothing(text: str, context: TextContext) -> list[ExtractedObject]:
    return []


def extracts_every_line_as_every_kind(text: str, context: TextContext) -> list[ExtractedObject]:
    found, at = [], 0
    for line in text.split("\n"):
        quote = Quote(line, at, at + len(line))
        found += [ExtractedObject(kind, line, (quote,), 1.0) for kind in ObjectKind if line]
        at += len(line) + 1
    return found


def extracts_the_whole_text_as_every_kind(text: str, context: TextContext) -> list[ExtractedObject]:
    return [ExtractedObject(kind, text, (Quote(text, 0, len(text)),), 1.0) for kind in ObjectKind]


def parses_nothing(content: bytes, name: str) -> ParsedDocument:
    return ParsedDocument("text/plain", (Block("paragraph", " "),))


def answers_nothing(question: str, passages: Sequence[Passage]) -> Answered:
    return Answered()


def cites_everything(question: str, passages: Sequence[Passage]) -> Answered:
    citations = tuple(Citation(passage.id, 0, len(passage.text)) for passage in passages)
    return Answered(" ".join(passage.text for passage in passages), citations)


MUTANTS: list[tuple[SetName, Callable[..., object]]] = [
    ("extraction", extracts_nothing),
    ("extraction", extracts_every_line_as_every_kind),
    ("extraction", extracts_the_whole_text_as_every_kind),
    ("contradiction", lambda a, b: Always("contradiction")),
    ("contradiction", lambda a, b: Always("consistent")),
    ("contradiction", lambda a, b: Always("unrelated")),
    ("documents", parses_nothing),
    ("evidence", answers_nothing),
    ("evidence", cites_everything),
    ("retrieval", answers_nothing),
    ("retrieval", cites_everything),
]


@pytest.mark.parametrize(("suite", "mutant"), MUTANTS)
def test_a_mutant_falls_through_the_floors(suite: SetName, mutant: Callable[..., object]) -> None:
    """Finding everything is caught by precision or silence, finding nothing by recall."""
    assert run(suite, subject=mutant).below(manifest().sets[suite].floors)
