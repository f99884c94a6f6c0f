"""The golden sets themselves: complete, honest, and apart from one another."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from golden_datasets import (
    AnswerCase,
    ContradictionCase,
    DocumentCase,
    EvidenceCase,
    ExtractionCase,
    SetName,
    load,
    load_corpus,
    manifest,
    problems,
    splits,
)
from golden_datasets.cases import Case

EVERY_SPLIT = [(name, split) for name in manifest().sets for split in splits(name)]
KINDS = ("commitment", "decision", "risk", "claim", "advice")


def essence(case: Case) -> str:
    """What would make two cases the same one."""
    match case:
        case ExtractionCase():
            return case.text
        case ContradictionCase():
            return f"{case.a.text}|{case.b.text}"
        case EvidenceCase():
            return f"{case.statement}|{case.document}"
        case AnswerCase():
            return case.question
        case DocumentCase():
            return case.file
    raise AssertionError(type(case))


def test_manifest_agrees_with_the_files() -> None:
    """Hashes and counts are those of the files; after an edit, run ``python -m golden_datasets.manifest``."""
    assert problems() == []


def test_every_measured_set_has_floors() -> None:
    """A set without a floor would pass whatever the product did."""
    assert all(entry.floors for entry in manifest().sets.values())


@pytest.mark.parametrize("name", list(manifest().sets))
def test_ids_are_unique_and_splits_are_disjoint(name: SetName) -> None:
    """No case is measured twice or learned from and measured."""
    cases = [case for split in splits(name) for case in load(name, split)]
    assert [pair for pair in Counter(case.id for case in cases).items() if pair[1] > 1] == []
    assert [pair for pair in Counter(essence(case) for case in cases).items() if pair[1] > 1] == []


@pytest.mark.parametrize(("name", "split"), EVERY_SPLIT)
def test_both_languages_carry_about_half(name: SetName, split: str) -> None:
    """French is not an afterthought in any split."""
    languages = Counter(case.lang for case in load(name, split))
    assert min(languages["fr"], languages["en"]) >= 0.4 * languages.total()


@pytest.mark.parametrize("split", ["train", "test", "held_out"])
def test_extraction_covers_every_kind_in_both_languages_and_advice_best(split: str) -> None:
    """Each kind has enough cases for a figure to mean something; some cases hold nothing at all."""
    cases = [case for case in load("extraction", split) if isinstance(case, ExtractionCase)]
    seen = Counter((str(case.lang), str(item.kind)) for case in cases for item in case.objects)
    assert all(seen[lang, kind] >= 5 for lang, kind in itertools.product(("fr", "en"), KINDS))
    assert sum(seen[lang, "advice"] for lang in ("fr", "en")) >= 16
    assert sum(not case.objects for case in cases) >= 5


def test_objects_of_one_kind_do_not_overlap() -> None:
    """Two true quotes of a kind on the same words could not both be matched."""
    for split in splits("extraction"):
        for case in load("extraction", split):
            assert isinstance(case, ExtractionCase)
            for one, other in itertools.combinations(case.objects, 2):
                assert one.kind != other.kind or one.quote not in other.quote


def test_answers_stand_in_their_paragraph() -> None:
    """An answerable question names a paragraph of its language that holds each of its answers."""
    corpus = {paragraph.id: paragraph for paragraph in load_corpus()}
    for split in splits("retrieval"):
        for case in load("retrieval", split):
            assert isinstance(case, AnswerCase)
            assert case.answerable == bool(case.paragraph)
            if case.answerable:
                assert corpus[case.paragraph].lang == case.lang
                assert all(answer in corpus[case.paragraph].text for answer in case.answers)


def test_files_and_truths_are_there() -> None:
    """Every document case can be read, and its truth says something."""
    for split in splits("documents"):
        for case in load("documents", split):
            assert isinstance(case, DocumentCase)
            assert case.content
            assert case.read_truth().blocks


def test_evidence_and_contradictions_hold_hard_negatives() -> None:
    """Silence and consistency are measured, not only finding."""
    links = [case for case in load("evidence", "test") if isinstance(case, EvidenceCase)]
    assert sum(not case.spans for case in links) >= 6
    pairs = [case for case in load("contradiction", "test") if isinstance(case, ContradictionCase)]
    assert min(Counter(case.label for case in pairs).values()) >= 8
