"""Counting right and wrong: spans, tokens, boxes, labels, order and time. Pure functions over plain values."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
"""Start inclusive, end exclusive."""
Box = tuple[float, float, float, float]

LEAST_SPAN_IOU = 0.3
"""Below this share a prediction points elsewhere: a sentence for one of its clauses passes, a page does not."""

_TOKEN = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives, false negatives; addable."""

    hits: int = 0
    invented: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.invented + other.invented, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Share of what was found that is right; 1 when there was nothing to find and nothing was found."""
        found = self.hits + self.invented
        return self.hits / found if found else float(self.missed == 0)

    @property
    def recall(self) -> float:
        """Share of what was to be found that was; 1 when there was nothing to find."""
        truth = self.hits + self.missed
        return self.hits / truth if truth else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def named(self, prefix: str = "") -> dict[str, float]:
        """The three as metrics: precision is never shown without recall."""
        dot = f"{prefix}." if prefix else ""
        return {f"{dot}precision": self.precision, f"{dot}recall": self.recall, f"{dot}f1": self.f1}


def total(counts: Iterable[Counts]) -> Counts:
    """Micro total."""
    return sum(counts, Counts())


def span_iou(a: Span, b: Span) -> float:
    """Shared characters over covered characters, in [0, 1]."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared / (max(a[1], b[1]) - min(a[0], b[0])) if shared > 0 else 0.0


def match(
    truth: Sequence[Span], found: Sequence[Sequence[Span]], *, least: float = LEAST_SPAN_IOU
) -> list[tuple[int, int, float]]:
    """Pair true spans with found objects one to one, best overlap first: (truth index, found index, IoU).

    A found object may quote several places; its best one counts.
    """
    pairs = [
        (max((span_iou(span, quote) for quote in quotes), default=0.0), i, j)
        for i, span in enumerate(truth)
        for j, quotes in enumerate(found)
    ]
    taken: list[tuple[int, int, float]] = []
    for iou, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if iou >= least and all(i != a and j != b for a, b, _ in taken):
            taken.append((i, j, iou))
    return taken


def covered(truth: Sequence[Span], found: Sequence[Span]) -> Counts:
    """Characters covered by both, by the found spans alone, by the true spans alone."""
    true_characters = {at for start, end in truth for at in range(start, end)}
    found_characters = {at for start, end in found for at in range(start, end)}
    both = len(true_characters & found_characters)
    return Counts(both, len(found_characters) - both, len(true_characters) - both)


def tokens(text: str) -> list[str]:
    """Words, lower-cased, without punctuation."""
    return _TOKEN.findall(text.casefold())


def token_counts(truth: str, found: str) -> Counts:
    """How the two texts' words agree, as multisets."""
    a, b = Counter(tokens(truth)), Counter(tokens(found))
    both = (a & b).total()
    return Counts(both, b.total() - both, a.total() - both)


def box_iou(a: Box, b: Box) -> float:
    """Shared area over covered area of two boxes ``(x0, y0, x1, y1)``."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def label_counts(truth: Sequence[Hashable], found: Sequence[Hashable], *, label: Hashable) -> Counts:
    """One label against the rest."""
    pairs = list(zip(truth, found, strict=True))
    return Counts(
        hits=sum(a == b == label for a, b in pairs),
        invented=sum(a != label and b == label for a, b in pairs),
        missed=sum(a == label and b != label for a, b in pairs),
    )


def in_order(positions: Sequence[int]) -> float:
    """Longest rising run of positions (gaps allowed) over their number: 1 when the order is kept.

    Patience sorting, as in Fredman, "On computing the length of longest increasing subsequences" (1975).
    """
    tails: list[int] = []
    for position in positions:
        at = bisect_left(tails, position)
        tails[at : at + 1] = [position]
    return len(tails) / len(positions) if positions else 1.0


def mean(values: Iterable[float]) -> float:
    """Arithmetic mean; 1 for no values, as nothing was wrong."""
    known = list(values)
    return math.fsum(known) / len(known) if known else 1.0


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile (``share`` in (0, 1]); 0 for no values."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
