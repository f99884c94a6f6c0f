"""A small linear head that hears advice no pattern knows: hashed word n-grams times a vector of weights.

The n-grams are hashed, so the weights hold no vocabulary and no source text. They are trained by ``train.py`` and
shipped in ``weights/``; the JSON beside them names the data, its licence and its authors.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from math import exp, sqrt
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUCKETS = 1 << 16
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[?!:;,$€£%]|\.{3}")
_MOST_TOKENS = 120


@dataclass(frozen=True, slots=True)
class Head:
    """Weights by bucket, the intercept, and the probability from which the head speaks."""

    weights: NDArray[np.float32]
    bias: float
    threshold: float


def buckets(text: str) -> list[int]:
    """The buckets of the text's words, pairs and triples, each once; figures are one token whatever their digits."""
    tokens = ["<s>"]
    # Tokenised corpora write "do n't" and "you ’re": glue them, so that both ways of writing count alike.
    flat = text.replace("’", "'").replace(" n't", "n't").replace(" 'd", "'d").lower()
    for m in _TOKEN.finditer(flat):
        token = m.group()
        tokens.append("0" if token[0].isdigit() else token)
        if len(tokens) > _MOST_TOKENS:
            break
    grams = set(tokens[1:])
    grams.update(" ".join(pair) for pair in pairwise(tokens))
    grams.update(" ".join(triple) for triple in zip(tokens, tokens[1:], tokens[2:], strict=False))
    return sorted({crc32(gram.encode()) % BUCKETS for gram in grams})


def probability(head: Head, text: str) -> float:
    """How likely ``text`` is of the head's kind, in [0, 1]."""
    found = buckets(text)
    if not found:
        return 0.0
    # A unit vector, as in training: a long sentence weighs no more than a short one.
    logit = float(head.weights[found].sum()) / sqrt(len(found)) + head.bias
    return 1 / (1 + exp(-max(-30.0, min(30.0, logit))))


@lru_cache(maxsize=1)
def advice_head() -> Head:
    """The shipped head for advice."""
    import numpy as np

    folder = resources.files("drovi_assets.intelligence") / "weights"
    facts = json.loads((folder / "advice.json").read_text(encoding="utf-8"))
    with (folder / "advice.npz").open("rb") as file:
        packed = np.load(file)["weights"]
    return Head(packed.astype(np.float32) * facts["scale"], facts["bias"], facts["threshold"])
