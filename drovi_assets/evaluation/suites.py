"""The suites by name, and the one way to run them.

``extraction``, ``contradiction``, ``evidence``, ``documents`` and ``retrieval`` read the golden set of the same
name, or a folder of the same layout; ``outside/...`` read data sets made elsewhere (see ``outside``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from drovi_assets.evaluation import answers, contradiction, documents, extraction, outside
from drovi_assets.evaluation.report import Report
from drovi_assets.evaluation.subjects import Passage, answerer, comparer, extractor, linker, parser
from golden_datasets import (
    AnswerCase,
    Case,
    ContradictionCase,
    DocumentCase,
    EvidenceCase,
    ExtractionCase,
    SetName,
    load,
    load_corpus,
    manifest,
)
from resources.errors import NotFound

_C = TypeVar("_C", bound=Case)


@dataclass(frozen=True, slots=True)
class Suite:
    """What a suite measures, the product code it measures by default, and how it runs.

    ``subject`` fetches the code, so that it is loaded only when measured. ``measure`` takes the code under measurement, a split and the
    folder of the data (None: the golden set's own).
    """

    name: str
    measures: str
    subject: Callable[[], Any]
    measure: Callable[[Any, str, Path | None], Report]


def run(suite: str, *, split: str = "test", dataset: Path | None = None, subject: Any = None) -> Report:
    """Run one suite and report.

    ``dataset`` is a folder in place of the suite's own data, ``subject`` code to measure in place of the
    product's. Raises ``NotFound`` for an unknown suite or split, ``NotConfigured`` where the data of an
    outside suite or the code is not there.
    """
    entry = SUITES.get(suite)
    if entry is None:
        raise NotFound(f"No suite is called {suite!r}.", remedy=f"Suites: {', '.join(SUITES)}.")
    return entry.measure(subject or entry.subject(), split, dataset)


def _cases(name: SetName, split: str, dataset: Path | None, model: type[_C]) -> Sequence[_C]:
    cases = load(name, split, dataset)
    assert all(isinstance(case, model) for case in cases)
    return cast("Sequence[_C]", cases)


def _extraction(subject: Any, split: str, dataset: Path | None) -> Report:
    return extraction.evaluate(_cases("extraction", split, dataset, ExtractionCase), subject, split=split)


def _contradiction(subject: Any, split: str, dataset: Path | None) -> Report:
    pairs = [
        contradiction.Pair(case.id, case.lang, case.a.text, case.b.text, case.label)
        for case in _cases("contradiction", split, dataset, ContradictionCase)
    ]
    return contradiction.evaluate(pairs, subject, suite="contradiction", split=split)


def _evidence(subject: Any, split: str, dataset: Path | None) -> Report:
    links = []
    for case in _cases("evidence", split, dataset, EvidenceCase):
        spans = tuple(
            (at, paragraph.index(span), paragraph.index(span) + len(span))
            for span in case.spans
            for at, paragraph in enumerate(case.document)
            if span in paragraph
        )
        links.append(answers.Link(case.id, case.lang, case.statement, case.document, spans))
    return answers.evaluate_links(links, subject, suite="evidence", split=split)


def _documents(subject: Any, split: str, dataset: Path | None) -> Report:
    return documents.evaluate(_cases("documents", split, dataset, DocumentCase), subject, split=split)


def _retrieval(subject: Any, split: str, dataset: Path | None) -> Report:
    corpora: dict[str, list[Passage]] = {}
    for paragraph in load_corpus(dataset):
        corpora.setdefault(paragraph.lang, []).append(Passage(paragraph.id, paragraph.text, paragraph.title))
    questions = [
        answers.Question(case.id, case.lang, case.question, case.paragraph, case.answers)
        for case in _cases("retrieval", split, dataset, AnswerCase)
    ]
    return answers.evaluate(questions, corpora, subject, suite="retrieval", split=split)


def _golden(
    name: SetName, subject: Callable[[], Any], measure: Callable[[Any, str, Path | None], Report]
) -> Suite:
    return Suite(name, manifest().sets[name].measures, subject, measure)


def _outside() -> dict[str, Suite]:
    subjects = {"sentences": extractor, "pairs": comparer, "questions": answerer, "links": linker}
    return {
        name: Suite(name, adapter.measures, subjects[adapter.shape], adapter.measure)
        for name, adapter in outside.ADAPTERS.items()
    }


SUITES: dict[str, Suite] = {
    "extraction": _golden("extraction", extractor, _extraction),
    "contradiction": _golden("contradiction", comparer, _contradiction),
    "evidence": _golden("evidence", linker, _evidence),
    "documents": _golden("documents", parser, _documents),
    "retrieval": _golden("retrieval", answerer, _retrieval),
    **_outside(),
}
