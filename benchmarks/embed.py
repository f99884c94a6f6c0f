"""Embedding: our batching by equal token length beside sentence-transformers' own ``encode``, at one precision."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from resources.embedder import Embedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_TEXT = """
the agreement shall be signed before end of March and payment is due within thirty days
le client confirme que la facture sera réglée avant la fin du mois sauf avis contraire
counsel advised that notice must be given in writing audit risk deadline approval board
"""
_ROUNDS = 2


def _sentences(count: int) -> list[str]:
    """Fixed by the seed; 4 to 36 words, about 120 characters on average, as in letters and mail."""
    generator = random.Random(7)
    words = _TEXT.split()
    return [" ".join(generator.choices(words, k=generator.randint(4, 36))) for _ in range(count)]


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """Sentences per CPU-second on one thread; rounds take turns, so that a busy machine hurts both alike."""
    from sentence_transformers import SentenceTransformer

    from resources.embedder import packaged_model

    texts = _sentences(n or 1_000)
    ours = Embedder()
    ours.encode(texts[:8])
    peer = SentenceTransformer(str(packaged_model()), device="cpu", local_files_only=True)
    if ours.model_id.endswith("/bf16"):
        peer = peer.bfloat16()
    peer.encode(texts[:8])
    spent = {"ours": 0.0, "peer": 0.0}
    for _ in range(_ROUNDS):
        spent["ours"] += _cpu_seconds(lambda: ours.encode(texts))
        spent["peer"] += _cpu_seconds(lambda: peer.encode(texts, show_progress_bar=False))
    rates = {who: _ROUNDS * len(texts) / seconds for who, seconds in spent.items()}
    yield {
        "name": "embed/sentence_transformers",
        "ours": round(rates["ours"], 1),
        "peer": round(rates["peer"], 1),
        "ratio": round(rates["ours"] / rates["peer"], 3),
        "unit": "sentences/cpu_s",
        "n": len(texts),
    }


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
