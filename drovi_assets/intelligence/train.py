"""Trains the linear head for advice: ``python -m drovi_assets.intelligence.train --data DIR``.

``DIR`` holds ``advice.jsonl`` (sentences of public forums labelled advice or not: Advice corpus, EMNLP 2020, MIT) and
``email_intent.jsonl`` (sentences of business mail: Email Intent, Apache-2.0), which serves as what advice is not: in
mail, an imperative is mostly a request. Where the folder has ``rag_enterprise_docs`` (business documents:
RAG-Multi-Corpus, MIT), its Markdown serves likewise, since a manual's "press the button" advises nobody; without them the
head took every heading of a manual for advice. They count less: few, but some of them do advise.

The figures it prints are of a head trained on one half of the data, by a hash of the id, and measured on the
other; the weights it writes are trained on both halves with the same settings. Neither holds any of the text.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .head import BUCKETS, buckets
from .sentences import sentences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # scipy ships no stubs

SEED = 20_261_123
DOCUMENT_WEIGHT = 0.3
THRESHOLD = 0.35
_C = 3.0
_SOURCES = [
    {"file": "advice.jsonl", "name": "Advice (EMNLP 2020)", "licence": "MIT", "use": "advice and not advice"},
    {"file": "email_intent.jsonl", "name": "Email Intent", "licence": "Apache-2.0", "use": "not advice"},
    {"file": "rag_enterprise_docs", "name": "RAG-Multi-Corpus", "licence": "MIT", "use": "not advice"},
]


class Example(NamedTuple):
    """A labelled sentence; ``half`` 0 is for training, 1 for measuring."""

    text: str
    advice: bool
    weight: float
    half: int
    source: str


class Fit(NamedTuple):
    """A trained head before it is packed."""

    weights: NDArray[np.float64]
    bias: float


def read(folder: Path) -> list[Example]:
    """The labelled sentences of both corpora, and the sentences of the business documents where there are any."""
    examples = []
    for source in ("advice", "email_intent"):
        for line in (folder / f"{source}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            examples.append(Example(row["text"], row["label"] == "advice", 1.0, _half(row["id"]), source))
    for path in sorted((folder / "rag_enterprise_docs").rglob("*.md")):
        text = path.read_text(encoding="utf-8", errors="replace")
        half = _half(path.name)
        for start, end in sentences(text):
            examples.append(
                Example(text[start:end], advice=False, weight=DOCUMENT_WEIGHT, half=half, source="documents")
            )
    return examples


def _half(name: str) -> int:
    return sha256(name.encode()).digest()[0] % 2


def matrix(texts: Sequence[str]) -> csr_matrix:
    """One unit row of hashed n-grams per text, as ``head.probability`` reads them."""
    import numpy as np
    from scipy.sparse import csr_matrix

    rows = [buckets(text) for text in texts]
    ends = np.cumsum([0, *(len(row) for row in rows)])
    values = np.concatenate([np.full(len(row), len(row) ** -0.5) for row in rows if row])
    return csr_matrix(
        (values, np.concatenate([row for row in rows if row]), ends), shape=(len(rows), BUCKETS)
    )


def fit(examples: Sequence[Example]) -> Fit:
    """Logistic regression over the hashed n-grams."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_C, max_iter=2000, random_state=SEED)
    labels = [example.advice for example in examples]
    model.fit(matrix([e.text for e in examples]), labels, sample_weight=[e.weight for e in examples])
    return Fit(model.coef_[0], float(model.intercept_[0]))


def measure(fitted: Fit, examples: Sequence[Example]) -> dict[str, float]:
    """Precision, recall and F1 on the forum sentences, and the share of other sentences taken for advice."""
    import numpy as np

    logits = matrix([e.text for e in examples]) @ fitted.weights + fitted.bias
    said = 1 / (1 + np.exp(-logits)) >= THRESHOLD
    source = np.array([e.source for e in examples])
    truth = np.array([e.advice for e in examples])
    forum = source == "advice"
    hits = float((said & truth).sum())
    precision, recall = hits / float((said & forum).sum()), hits / float(truth.sum())
    figures = {
        "n": float(forum.sum()),
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "f1": round(2 * precision * recall / (precision + recall), 3),
    }
    for name in ("email_intent", "documents"):
        if (source == name).any():
            figures[f"share_of_{name}"] = round(float(said[source == name].mean()), 4)
    return figures


def write(fitted: Fit, folder: Path, figures: dict[str, float]) -> None:
    """Packs the weights to a byte each and notes their origin beside them."""
    import numpy as np

    scale = float(np.abs(fitted.weights).max()) / 127
    np.savez_compressed(folder / "advice.npz", weights=np.round(fitted.weights / scale).astype(np.int8))
    facts = {
        "kind": "advice",
        "language": "en",
        "scale": scale,
        "bias": fitted.bias,
        "threshold": THRESHOLD,
        "seed": SEED,
        "trained_on": _SOURCES,
        "measured_on_other_half": figures,
    }
    (folder / "advice.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains, prints the figures as JSON and writes the weights."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with advice.jsonl and email_intent.jsonl"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "weights")
    options = parser.parse_args(arguments)
    examples = read(options.data)
    figures = measure(fit([e for e in examples if e.half == 0]), [e for e in examples if e.half == 1])
    write(fit(examples), options.out, figures)
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
