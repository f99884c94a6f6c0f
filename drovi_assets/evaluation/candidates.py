"""Passages ranked by BM25 in memory: stands in for the database's search where a suite has no database.

Okapi BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009), Snowball stems, accents
folded: what the product's lexical side computes in SQL.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from drovi_assets.evaluation.subjects import Passage

K1, B = 1.2, 0.75
_WORD = re.compile(r"\w+")


class Candidates:
    """An index over a fixed set of passages of one language (``fr`` or ``en``)."""

    def __init__(self, passages: Sequence[Passage], lang: str) -> None:
        import Stemmer

        self._stemmer = Stemmer.Stemmer("french" if lang == "fr" else "english")
        self._passages = passages
        self._bags = [Counter(self._terms(f"{passage.title} {passage.text}")) for passage in passages]
        self._postings: dict[str, list[int]] = {}
        for at, bag in enumerate(self._bags):
            for term in bag:
                self._postings.setdefault(term, []).append(at)
        self._lengths = [bag.total() for bag in self._bags]
        self._mean_length = sum(self._lengths) / max(1, len(self._lengths))

    def best(self, question: str, limit: int) -> list[Passage]:
        """Up to ``limit`` passages that share a term with the question, best first."""
        scores: Counter[int] = Counter()
        for term in set(self._terms(question)):
            where = self._postings.get(term, [])
            rarity = math.log(1 + (len(self._bags) - len(where) + 0.5) / (len(where) + 0.5))
            for at in where:
                seen = self._bags[at][term]
                length = 1 - B + B * self._lengths[at] / self._mean_length
                scores[at] += rarity * seen * (K1 + 1) / (seen + K1 * length)  # type: ignore[assignment]  # Counter is typed for int, and adds floats as well
        return [self._passages[at] for at, _ in scores.most_common(limit)]

    def _terms(self, text: str) -> list[str]:
        stems = self._stemmer.stemWords(_WORD.findall(text.casefold()))
        return [
            "".join(c for c in unicodedata.normalize("NFD", stem) if not unicodedata.combining(c))
            for stem in stems
        ]
