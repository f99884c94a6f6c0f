"""The real model: what its vectors promise to the index."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from resources.embedder import DIMENSIONS, Embedder, packaged_model
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
    """Vectors are stored under the model's name: sentence-transformers computes the same ones, in French too."""
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(packaged_model()), device="cpu", local_files_only=True)
    if embedder.model_id.endswith("bf16"):
        library = library.bfloat16()
    # One by one: beside a longer neighbour, the library's own vectors change.
    theirs = np.vstack([library.encode([text], normalize_embeddings=True) for text in TEXTS]).astype(
        np.float32
    )
    cosine = (theirs * vectors).sum(axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosine.min() > 0.9999


def test_the_precision_is_part_of_the_name(embedder: Embedder) -> None:
    assert embedder.model_id in {"all-MiniLM-L6-v2/fp32", "all-MiniLM-L6-v2/bf16"}
    assert Embedder(precision="auto").model_id in {"all-MiniLM-L6-v2/fp32", "all-MiniLM-L6-v2/bf16"}


def test_a_folder_without_a_model_is_named(tmp_path) -> None:
    with pytest.raises(NotConfigured, match="no sentence-transformers model"):
        Embedder(model_path=tmp_path).encode(["x"])


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", {"model_type": "mpnet"}),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}),
        ("modules.json", [{"type": "sentence_transformers.models.Dense"}]),
    ],
)
def test_a_model_of_another_kind_is_refused(tmp_path: Path, file: str, content: object) -> None:
    """It would otherwise give vectors, and wrong ones."""
    for source in packaged_model().rglob("*"):
        if source.is_file():
            copy = tmp_path / source.relative_to(packaged_model())
            copy.parent.mkdir(exist_ok=True)
            copy.symlink_to(source)
    (tmp_path / file).unlink()
    (tmp_path / file).write_text(json.dumps(content))
    with pytest.raises(NotConfigured, match="not a BERT with mean pooling"):
        Embedder(model_path=tmp_path).encode(["x"])
