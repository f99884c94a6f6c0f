"""The trained heads: one vector of weights per kind over the grams of a sentence, French and English alike.

They hear what no pattern knows and doubt what a pattern took too readily. The grams are hashed, so the weights hold no
vocabulary and no source text. ``train.py`` makes them; ``weights/heads.json`` names the data, its licences and its authors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from math import exp, sqrt
from typing import TYPE_CHECKING

from .features import Grams
from .model import ObjectKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Heads:
    """Weights of shape (buckets, kinds), intercepts, and per kind the two probabilities that decide.

    From ``speaks`` on a head is believed by itself; below ``doubts`` it overrules a pattern.
    """

    kinds: tuple[ObjectKind, ...]
    weights: NDArray[np.float32]
    biases: tuple[float, ...]
    speaks: dict[ObjectKind, float]
    doubts: dict[ObjectKind, float]

    def probabilities(self, grams: Grams) -> dict[ObjectKind, float]:
        """How likely the sentence is of each kind, in [0, 1]."""
        logits = list(self.biases)
        for view in grams:
            if view:
                sums = self.weights[view].sum(axis=0) / sqrt(len(view))
                logits = [logit + float(one) for logit, one in zip(logits, sums, strict=True)]
        return {
            kind: 1 / (1 + exp(-max(-30.0, min(30.0, logit))))
            for kind, logit in zip(self.kinds, logits, strict=True)
        }


@lru_cache(maxsize=1)
def shipped() -> Heads:
    """The heads that come with the package."""
    import numpy as np

    folder = resources.files("drovi_assets.intelligence") / "weights"
    facts = json.loads((folder / "heads.json").read_text(encoding="utf-8"))
    with (folder / "heads.npz").open("rb") as file:
        packed = np.load(file)["weights"]
    kinds = tuple(ObjectKind(name) for name in facts["kinds"])
    scales = np.array([facts["kinds"][kind]["scale"] for kind in kinds], dtype=np.float32)
    return Heads(
        kinds,
        packed.astype(np.float32) * scales,
        tuple(facts["kinds"][kind]["bias"] for kind in kinds),
        {kind: facts["kinds"][kind]["speaks"] for kind in kinds},
        {kind: facts["kinds"][kind]["doubts"] for kind in kinds},
    )
