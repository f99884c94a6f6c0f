"""A tick's time: how much is left, and how much of it one piece of work may take before it is another's turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SMALLEST_SHARE = 3.0
"""Seconds: less would not parse one ordinary document."""


class Deadline(Protocol):
    """Until when there is time."""

    @property
    def left(self) -> float:
        """Seconds, never below zero."""
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds until a moment. ``clock`` is monotonic."""

    end: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def of(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Budget:
        """A budget that starts now."""
        return cls(clock() + seconds, clock)

    @classmethod
    def within(cls, whole: Deadline, seconds: float, clock: Callable[[], float] = time.monotonic) -> Budget:
        """A slice of a deadline: so many seconds from now, as far as the whole has them."""
        return cls.of(min(seconds, whole.left), clock)

    @property
    def left(self) -> float:
        """Seconds left; never below zero."""
        return max(0.0, self.end - self.clock())

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.left == 0.0

    def share(self, among: int) -> Budget:
        """An equal part of what is left for each of ``among``, at least ``SMALLEST_SHARE``, at most all of it.

        What one leaves unused, the next ones share.
        """
        part = max(self.left / max(1, among), SMALLEST_SHARE)
        return Budget(min(self.clock() + part, self.end), self.clock)
