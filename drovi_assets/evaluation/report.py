"""What a suite answers with: figures, times, and the first mistakes, ready for a table or for JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from drovi_assets.evaluation.metrics import percentile

_T = TypeVar("_T")

MOST_MISTAKES = 50
"""A report shows this many mistakes; more would bury the figures."""


class Latency(BaseModel):
    """Wall time of one case, in milliseconds."""

    model_config = ConfigDict(frozen=True)

    p50_ms: float
    p95_ms: float


class Mistake(BaseModel):
    """A case that went wrong, with what was expected and what came."""

    model_config = ConfigDict(frozen=True)

    case: str
    expected: str
    got: str


class Report(BaseModel):
    """One suite's result.

    ``metrics`` maps dotted names to values in [0, 1], higher is better: ``f1``, ``advice.recall``,
    ``fr.advice.f1``. ``counts`` gives how many true items stand behind them.
    """

    model_config = ConfigDict(frozen=True)

    suite: str
    split: str
    cases: int
    metrics: dict[str, float]
    counts: dict[str, int]
    latency: Latency
    mistakes: tuple[Mistake, ...] = ()

    def rows(self) -> list[tuple[str, str]]:
        """Name and value, formatted, for printing as a table."""
        figures = [(name, f"{value:.3f}") for name, value in self.metrics.items()]
        times = [
            ("latency p50", f"{self.latency.p50_ms:.1f} ms"),
            ("latency p95", f"{self.latency.p95_ms:.1f} ms"),
        ]
        return [("cases", str(self.cases)), *figures, *times]

    def below(self, floors: Mapping[str, float]) -> list[str]:
        """The floors not reached, each as a sentence. A metric that was not measured counts as not reached."""
        return [
            f"{self.suite}: {name} is {self.metrics.get(name, 0.0):.3f}, the floor is {floor:.3f}"
            for name, floor in floors.items()
            if self.metrics.get(name, 0.0) < floor
        ]


class Recorder:
    """Collects times and mistakes while a suite runs over its cases."""

    def __init__(self, suite: str, split: str) -> None:
        self._suite, self._split = suite, split
        self._times: list[float] = []
        self._mistakes: list[Mistake] = []

    def timed(self, work: Callable[[], _T]) -> _T:
        """Run one case's work and note how long it took."""
        begun = time.perf_counter()
        result = work()
        self._times.append((time.perf_counter() - begun) * 1000)
        return result

    def mistake(self, case: str, expected: object, got: object) -> None:
        """Note a wrong answer, up to ``MOST_MISTAKES``."""
        if len(self._mistakes) < MOST_MISTAKES:
            self._mistakes.append(Mistake(case=case, expected=str(expected), got=str(got)))

    def report(self, cases: int, metrics: Mapping[str, float], counts: Mapping[str, int]) -> Report:
        """The finished report, metrics rounded to four places."""
        return Report(
            suite=self._suite,
            split=self._split,
            cases=cases,
            metrics={name: round(value, 4) for name, value in metrics.items()},
            counts=dict(counts),
            latency=Latency(
                p50_ms=round(percentile(self._times, 0.5), 2), p95_ms=round(percentile(self._times, 0.95), 2)
            ),
            mistakes=tuple(self._mistakes),
        )
