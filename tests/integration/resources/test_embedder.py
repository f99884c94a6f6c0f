"""The real model: what its vectors promise to the index."""

from __future__ import annotations

import numpy as np
import pytest

from resources.embedder import DIMENSIONS, Embedder
from resources.errors import NotConfigured

TEXTS = [
    "The invoice is due on 31 March.",
    "Payment must be made by the end of March.",
    "La facture doit être réglée avant la fin du mois de mars.",
    "A cat sleeps on the windowsill.",
    "",
    "word " * 600,
    *(f"Clause {number} binds both parties {'and their heirs ' * (number % 7)}." for number in range(40)),
]


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return Embedder(precision=request.param)


@pytest.fixture(scope="module")
def vectors(embedder: Embedder) -> np.ndarray:
    return embedder.encode(TEXTS)


def test_each_text_has_a_row_of_length_one(vectors: np.ndarray) -> None:
    assert vectors.shape == (len(TEXTS), DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_nothing_gives_nothing(embedder: Embedder) -> None:
    assert embedder.encode([]).shape == (0, DIMENSIONS)


def test_a_text_has_the_same_bytes_in_any_company(embedder: Embedder, vectors: np.ndarray) -> None:
    """Alone, in another order, or among copies of itself: so a replay stores the same vectors."""
    reordered = np.random.default_rng(3).permutation(len(TEXTS))
    assert embedder.encode([TEXTS[i] for i in reordered]).tobytes() == vectors[reordered].tobytes()
    for position in (0, 2, 4, 5, 11):
        assert embedder.encode([TEXTS[position]]).tobytes() == vectors[position].tobytes()
    assert embedder.encode([TEXTS[1]] * 37)[36].tobytes() == vectors[1].tobytes()


def test_meaning_is_near(vectors: np.ndarray) -> None:
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[3]
    assert near > far + 0.2


def test_it_agrees_with_the_library(embedder: Embedder, vectors: np.ndarray) -> None:
    """Only the last bits may differ from sentence-transformers' own encode."""
    theirs = embedder._model.encode(TEXTS[:10], normalize_embeddings=True)
    cosine = (theirs.astype(np.float32) * vectors[:10]).sum(axis=1)
    assert cosine.min() > (0.9999 if embedder.model_id.endswith("fp32") else 0.995)


def test_the_precision_is_part_of_the_name(embedder: Embedder) -> None:
    assert embedder.model_id in {"all-MiniLM-L6-v2/fp32", "all-MiniLM-L6-v2/bf16"}
    assert Embedder(precision="auto").model_id in {"all-MiniLM-L6-v2/fp32", "all-MiniLM-L6-v2/bf16"}


def test_a_folder_without_a_model_is_named(tmp_path) -> None:
    with pytest.raises(NotConfigured, match="no sentence-transformers model"):
        Embedder(model_path=tmp_path).encode(["x"])
