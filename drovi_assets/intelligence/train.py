"""Trains the linear heads: ``python -m drovi_assets.intelligence.train --data DIR``.

``DIR`` holds the published corpora that ``corpora.SOURCES`` names; the golden training cases are in this repository. The
figures printed are of heads that never saw what they are measured on (five folds over the golden cases; for the
forum corpus, the half that a hash of the id holds back); the weights written are trained on everything with
the same settings. The same data gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .corpora import GOLDEN, GOLDEN_KNOWN, SOURCES, Example, golden, outside, part
from .features import BUCKETS
from .model import ObjectKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # scipy ships no stubs

SEED = 20_261_123
FOLDS = 5
WEIGHTS = {GOLDEN: 1.0, GOLDEN_KNOWN: 0.3, "advice": 0.3}
"""How much a sentence counts, by source; the rest of the published ones ``OUTSIDE_WEIGHT``."""
OUTSIDE_WEIGHT = 0.1
BETA = 0.7
"""Precision counts for more than recall where the thresholds are chosen: an invented object costs more trust than a missed one."""
SPEAKS = (0.35, 0.4)
DOUBTS = (0.0, 0.05, 0.1, 0.15)
"""The thresholds to choose from. A pattern is doubted only where the head is nearly sure: the cases it is judged on are harder than most mail."""
_C = 10.0
_HABIT = 3.0
SPEECH = "ami_meetings"


class Fit(NamedTuple):
    """A trained head before it is packed."""

    weights: NDArray[np.float64]
    bias: float


def matrix(examples: Sequence[Example]) -> csr_matrix:
    """One row per example, each view a unit vector, as ``Heads.probabilities`` reads them."""
    import numpy as np
    from scipy.sparse import csr_matrix

    columns = [at for e in examples for view in e.grams for at in view]
    values = [len(view) ** -0.5 for e in examples for view in e.grams for _ in view]
    ends = np.cumsum([0, *(len(e.grams.words) + len(e.grams.facts) for e in examples)])
    found = csr_matrix((values, columns, ends), shape=(len(examples), BUCKETS))
    found.sum_duplicates()
    return found


def fit(kind: ObjectKind, examples: Sequence[Example]) -> Fit:
    """Logistic regression on the examples whose label of ``kind`` is known.

    Speech has a column of its own while training: how rarely its utterances hold a kind is its habit, not ours.
    """
    import numpy as np
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    known = [e for e in examples if kind in e.labels]
    habit = csr_matrix([[_HABIT * (e.source == SPEECH)] for e in known])
    rows = matrix(known)
    used = np.unique(rows.indices)
    table = hstack([rows[:, used], habit]).tocsr()
    model = LogisticRegression(C=_C, solver="liblinear", dual=True, max_iter=300, random_state=SEED)
    counts = [WEIGHTS.get(e.source, OUTSIDE_WEIGHT) for e in known]
    model.fit(table, [e.labels[kind] for e in known], sample_weight=counts)
    weights = np.zeros(BUCKETS)
    weights[used] = model.coef_[0][:-1]
    return Fit(weights, float(model.intercept_[0]))


def apply(fitted: Fit, examples: Sequence[Example]) -> NDArray[np.float64]:
    """The probability of each example."""
    import numpy as np

    logits = matrix(examples) @ fitted.weights + fitted.bias
    return 1 / (1 + np.exp(-logits))  # type: ignore[no-any-return]  # scipy ships no stubs


def crossed(kind: ObjectKind, own: Sequence[Example], others: Sequence[Example]) -> NDArray[np.float64]:
    """The probability of each golden example by heads trained without its fold."""
    import numpy as np

    found = np.zeros(len(own))
    folds = np.array([int(e.group) % FOLDS for e in own])
    for fold in range(FOLDS):
        fitted = fit(kind, [e for e, at in zip(own, folds, strict=True) if at != fold] + list(others))
        held = folds == fold
        found[held] = apply(fitted, [e for e, here in zip(own, held, strict=True) if here])
    return found


def decide(
    kind: ObjectKind, own: Sequence[Example], likely: NDArray[np.float64]
) -> tuple[dict[str, float], dict[str, float]]:
    """The two thresholds of ``kind`` that give the best F-measure, and precision and recall with them, on cases the patterns were not written on."""
    import numpy as np

    fair = [at for at, e in enumerate(own) if e.source == GOLDEN]
    fired = np.array([kind in own[at].fired for at in fair])
    truth = np.array([own[at].labels[kind] for at in fair])
    best: tuple[float, dict[str, float], dict[str, float]] = (-1.0, {}, {})
    for speaks in SPEAKS:
        for doubts in DOUBTS:
            said = np.where(fired, likely[fair] >= doubts, likely[fair] >= speaks)
            found = figures(said, truth)
            weighed = BETA**2 * found["precision"] + found["recall"]
            score = (1 + BETA**2) * found["precision"] * found["recall"] / max(1e-9, weighed)
            if score > best[0]:
                best = (score, {"speaks": speaks, "doubts": doubts}, found)
    return best[1], best[2]


def figures(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> dict[str, float]:
    """Precision, recall and F1 of ``said``."""
    hits = float((said & truth).sum())
    precision, recall = hits / max(1.0, float(said.sum())), hits / max(1.0, float(truth.sum()))
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return {"precision": round(precision, 3), "recall": round(recall, 3), "f1": round(f1, 3)}


def forum(own: Sequence[Example], others: Sequence[Example], speaks: float) -> dict[str, float]:
    """Advice on the half of the forum corpus that the head did not see."""
    import numpy as np

    held = [e for e in others if e.source == "advice" and part(e.group, 2) == 1]
    fitted = fit(
        ObjectKind.ADVICE, [*own, *(e for e in others if e.source != "advice" or part(e.group, 2) == 0)]
    )
    said = apply(fitted, held) >= speaks
    truth = np.array([e.labels[ObjectKind.ADVICE] for e in held])
    return figures(said, truth) | {"n": len(held)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains, prints the figures as JSON and writes the weights."""
    import numpy as np

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the published corpora")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "weights")
    options = parser.parse_args(arguments)
    own, others = list(golden()), list(outside(options.data))
    facts: dict[str, dict[str, float]] = {}
    measured: dict[str, dict[str, float]] = {}
    packed = []
    for kind in ObjectKind:
        settings, measured[kind] = decide(kind, own, crossed(kind, own, others))
        fitted = fit(kind, [*own, *others])
        scale = float(np.abs(fitted.weights).max()) / 127
        packed.append(np.round(fitted.weights / scale).astype(np.int8))
        facts[kind] = {"scale": scale, "bias": fitted.bias, **settings}
    measured["advice_forum_half"] = forum(own, others, facts[ObjectKind.ADVICE]["speaks"])
    np.savez_compressed(options.out / "heads.npz", weights=np.stack(packed, axis=1))
    notes = {"kinds": facts, "seed": SEED, "trained_on": SOURCES, "measured_on_unseen": measured}
    (options.out / "heads.json").write_text(json.dumps(notes, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(measured) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
