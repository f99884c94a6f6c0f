"""Suites say what went wrong, read a stranger's folder, and refuse clearly when data is absent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from drovi_assets.evaluation import rows
from drovi_assets.evaluation.contradiction import OTHER, Pair, evaluate
from drovi_assets.evaluation.extraction import complete, same_slot
from drovi_assets.evaluation.subjects import Answered, Citation, Passage
from drovi_assets.evaluation.suites import SUITES, run
from drovi_assets.intelligence.model import ExtractedObject, ObjectKind, Quote, TextContext
from golden_datasets import ExtractionCase, load
from resources.errors import Invalid, NotConfigured, NotFound

TEXT = "I will call on Monday. You should wait."


class Verdict:
    """A verdict with a label alone."""

    def __init__(self, label: str) -> None:
        self.label = label


def found(kind: ObjectKind, quote: str, text: str = TEXT) -> ExtractedObject:
    at = text.index(quote)
    return ExtractedObject(kind, quote, (Quote(quote, at, at + len(quote)),), 0.9, {"due": "2025-03-17"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stranger's extraction set of one case."""
    case = {
        "id": "mine-1",
        "lang": "en",
        "text": TEXT,
        "objects": [
            {"kind": "commitment", "quote": "I will call on Monday.", "slots": {"due": "2025-03-17"}},
            {"kind": "advice", "quote": "You should wait."},
        ],
    }
    (tmp_path / "test.jsonl").write_text(json.dumps(case) + "\n", encoding="utf-8")
    return tmp_path


def test_a_folder_of_the_same_layout_is_measured(folder: Path) -> None:
    """One of two objects found, one invented: each kind has its own figures, slots are scored on matches."""

    def extract(text: str, context: TextContext) -> list[ExtractedObject]:
        return [
            found(ObjectKind.COMMITMENT, "I will call on Monday."),
            found(ObjectKind.RISK, "You should wait."),
        ]

    report = run("extraction", dataset=folder, subject=extract)
    assert report.metrics["commitment.f1"] == 1.0
    assert report.metrics["advice.recall"] == 0.0
    assert report.metrics["precision"] == report.metrics["recall"] == 0.5
    assert report.metrics["slots.due"] == 1.0
    assert {mistake.expected or mistake.got for mistake in report.mistakes} == {
        "advice: You should wait.",
        "risk: You should wait.",
    }


def test_a_report_prints_and_dumps(folder: Path) -> None:
    """Rows for a table, JSON for a machine, and the floors that were missed."""
    report = run("extraction", dataset=folder, subject=lambda text, context: [])
    assert ("recall", "0.000") in report.rows()
    assert json.loads(report.model_dump_json())["suite"] == "extraction"
    assert report.below({"recall": 0.5, "unheard_of": 0.1}) == [
        "extraction: recall is 0.000, the floor is 0.500",
        "extraction: unheard_of is 0.000, the floor is 0.100",
    ]


def test_an_unknown_suite_or_split_is_refused_by_name(folder: Path) -> None:
    """The refusal names what there is."""
    with pytest.raises(NotFound, match="extraction, contradiction"):
        run("extrction")
    with pytest.raises(NotFound, match="Splits there: test"):
        run("extraction", split="train", dataset=folder, subject=lambda text, context: [])


def test_a_bad_line_is_refused_with_its_number(folder: Path) -> None:
    """A quote that is not in the text is the commonest slip of an annotator."""
    line = '{"id": "x", "lang": "en", "text": "a", "objects": [{"kind": "risk", "quote": "b"}]}\n'
    with (folder / "test.jsonl").open("a", encoding="utf-8") as cases:
        cases.write(line)
    with pytest.raises(Invalid, match="line 2"):
        load("extraction", "test", folder)


@pytest.mark.parametrize("suite", [name for name in SUITES if name.startswith("outside/")])
def test_absent_outside_data_is_not_configured(suite: str, tmp_path: Path) -> None:
    """It skips with the folder's name; it never measures nothing and calls it a pass."""
    with pytest.raises(NotConfigured, match=str(tmp_path)):
        run(suite, dataset=tmp_path, subject=lambda *_: None)


def test_outside_sentences_are_mapped_to_kinds(tmp_path: Path) -> None:
    """A sentence counts as found when an object of the sought kind is in it."""
    lines = [
        {"id": "1", "text": "You should wait.", "label": "advice"},
        {"id": "2", "text": "You should not have.", "label": "not_advice"},
    ]
    (tmp_path / "advice.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    def extract(text: str, context: TextContext) -> list[ExtractedObject]:
        return [found(ObjectKind.ADVICE, text, text)]

    report = run("outside/advice", dataset=tmp_path, subject=extract)
    assert report.metrics["advice.precision"] == 0.5
    assert report.metrics["advice.recall"] == 1.0


def test_thinning_keeps_few_rows_spread_over_the_set() -> None:
    """First to last, never more than the limit, the same ones each time."""
    cases = [{"n": n} for n in range(rows.MOST_CASES * 3 + 1)]
    kept = rows.thinned(cases)
    assert len(kept) <= rows.MOST_CASES
    assert kept[0]["n"] == 0
    assert kept[-1]["n"] > rows.MOST_CASES * 2


def test_a_pair_that_is_merely_no_contradiction_accepts_either_other_label() -> None:
    """Outside sets do not tell consistent from unrelated."""
    pairs = [Pair("1", "fr", "a", "b", OTHER), Pair("2", "fr", "a", "c", "contradiction")]
    report = evaluate(pairs, lambda a, b: Verdict("unrelated"), suite="outside/x", split="test")
    assert report.metrics["specificity"] == 1.0
    assert report.metrics["contradiction.recall"] == 0.0


def test_a_quote_that_does_not_stand_in_the_text_is_incomplete() -> None:
    """One character off is not evidence."""
    moved = ExtractedObject(ObjectKind.RISK, "wait", (Quote("wait", 0, 4),), 0.5)
    assert not complete(moved, TEXT)
    assert not complete(ExtractedObject(ObjectKind.RISK, "wait", (), 0.5), TEXT)
    assert complete(found(ObjectKind.RISK, "wait"), TEXT)


@pytest.mark.parametrize(
    ("slot", "truth", "got", "same"),
    [
        ("due", "2025-03-14", "2025-03-14", True),
        ("due", "2025-03-14", "2025-03-15", False),
        ("due", "2025-03-14", None, False),
        ("value", "24000", 24000.0, True),
        ("value", "24000", "26400", False),
        ("who", "Claire Roux", "Maître Claire Roux", True),
        ("who", "Claire Roux", "Marc Delattre", False),
    ],
)
def test_slots(slot: str, truth: str, got: object, same: bool) -> None:
    """Dates and numbers exactly, words by their greater part."""
    assert same_slot(slot, truth, got) is same


def oracle(questions: dict[str, tuple[str, str]]) -> object:
    """Answers from a book of (passage, answer) by question."""

    def answer(question: str, passages: Sequence[Passage]) -> Answered:
        passage, text = questions[question]
        if not passage:
            return Answered()
        body = next(p.text for p in passages if p.id == passage)
        at = body.index(text)
        return Answered(text, (Citation(passage, at, at + len(text)),))

    return answer


def test_an_oracle_scores_one_on_retrieval() -> None:
    """The metrics can be reached: the truth itself gets full marks, candidates included."""
    cases = load("retrieval", "test")
    book = {case.question: (case.paragraph, (case.answers or ("",))[0]) for case in cases}  # type: ignore[attr-defined]  # load() types by the base class
    report = run("retrieval", subject=oracle(book))
    assert report.metrics["candidate_recall"] == 1.0
    assert (
        report.metrics["passage_at_1"]
        == report.metrics["answer_contained"]
        == report.metrics["refusal.f1"]
        == 1.0
    )


def test_an_oracle_scores_one_on_extraction() -> None:
    """Quotes of the truth, given back, are all matched."""
    cases = {case.text: case for case in load("extraction", "test") if isinstance(case, ExtractionCase)}

    def extract(text: str, context: TextContext) -> list[ExtractedObject]:
        return [found(ObjectKind(item.kind), item.quote, text) for item in cases[text].objects]

    report = run("extraction", subject=extract)
    assert report.metrics["f1"] == report.metrics["quiet"] == report.metrics["evidence_completeness"] == 1.0
