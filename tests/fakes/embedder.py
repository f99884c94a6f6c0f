"""An embedder that needs no model: texts that share words are near each other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384


class FakeEmbedder:
    """Hashes words into 384 dimensions; deterministic, of unit length."""

    model_id = "fake"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % DIMENSIONS] += 1
            vectors[row, 0] += 0.01  # a text without words has a direction too
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
