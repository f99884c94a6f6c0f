"""Contradiction: of the pairs that cannot both hold, how many are seen, and how often one is cried out wrongly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from drovi_assets.evaluation.metrics import label_counts, mean
from drovi_assets.evaluation.report import Recorder, Report
from drovi_assets.evaluation.subjects import Comparer

CONTRADICTION = "contradiction"
OTHER = "other"
"""The label of whatever is not a contradiction, for data that tells no more than that."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two statements and the label that is true of them."""

    id: str
    lang: str
    a: str
    b: str
    label: str


def evaluate(pairs: Sequence[Pair], compare: Comparer, *, suite: str, split: str) -> Report:
    """Score ``compare`` on the pairs.

    ``specificity`` is one less the contradiction false-positive rate: the share of pairs that can both hold
    and were not called a contradiction. Pairs labelled ``OTHER`` accept any other label.
    """
    recorder = Recorder(suite, split)
    found: list[str] = []
    for pair in pairs:
        label = recorder.timed(partial(compare, pair.a, pair.b)).label
        found.append(OTHER if pair.label == OTHER and label != CONTRADICTION else str(label))
        if found[-1] != pair.label:
            recorder.mistake(pair.id, f"{pair.label}: {pair.a} | {pair.b}", label)
    return recorder.report(len(pairs), _metrics(pairs, found), Counter(pair.label for pair in pairs))


def _metrics(pairs: Sequence[Pair], found: Sequence[str]) -> dict[str, float]:
    truth = [pair.label for pair in pairs]
    metrics = label_counts(truth, found, label=CONTRADICTION).named(CONTRADICTION)
    metrics["specificity"] = _specificity(truth, found)
    metrics["accuracy"] = mean(float(a == b) for a, b in zip(truth, found, strict=True))
    metrics["macro_f1"] = mean(label_counts(truth, found, label=label).f1 for label in sorted(set(truth)))
    for lang in sorted({pair.lang for pair in pairs}):
        mine = [(pair.label, label) for pair, label in zip(pairs, found, strict=True) if pair.lang == lang]
        a, b = [label for label, _ in mine], [label for _, label in mine]
        metrics |= label_counts(a, b, label=CONTRADICTION).named(f"{lang}.{CONTRADICTION}")
        metrics[f"{lang}.specificity"] = _specificity(a, b)
    return metrics


def _specificity(truth: Sequence[str], found: Sequence[str]) -> float:
    return mean(
        float(label != CONTRADICTION)
        for true, label in zip(truth, found, strict=True)
        if true != CONTRADICTION
    )
