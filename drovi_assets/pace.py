"""How far the reading of a history is, and about how long the rest takes. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """Windows read, by one worker; ``before`` is what others had read when it began. ``clock`` is monotonic."""

    clock: Callable[[], float] = time.monotonic
    before: int = 0
    done: int = 0
    left: int | None = None
    last_error: str | None = None
    _began: float = 0.0

    def begin(self, *, before: int, left: int) -> None:
        """So many windows were read, so many are not. Called again where a worker goes on after a pause."""
        if self.left is None:
            self.before, self._began = before, self.clock()
        self.left = left

    def advance(self) -> None:
        """A window is read, and found by search."""
        self.done += 1
        self.left = max(0, (self.left or 0) - 1)

    def figures(self) -> Mapping[str, int | str | None]:
        """For a job's progress; nothing where no history was begun.

        ``eta_seconds`` takes the windows that are left to be like those that this worker read; None before it read one.
        """
        if self.left is None:
            return {}
        read = self.before + self.done
        eta = round((self.clock() - self._began) / self.done * self.left) if self.done else None
        return {
            "windows_done": read,
            "windows_total": read + self.left,
            "eta_seconds": eta if self.left else 0,
            "last_error": self.last_error,
        }
