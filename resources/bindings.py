"""Dagster resources around plain objects: the one module of this room that knows Dagster.

An object is opened with its first use and lives as long as its process: a tick takes 0.1 s, a model's loading
ten, so neither a tick nor the import of the code location may open anything.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Generic, TypeVar

import dagster as dg

_T = TypeVar("_T")


class Held(Generic[_T]):
    """Calling it gives the object, opened once for the process and closed at its end; safe from many threads."""

    def __init__(self, open_: Callable[[], AbstractContextManager[_T]]) -> None:
        self._open = open_
        self._lock = threading.Lock()
        self._held: list[_T] = []

    def __call__(self) -> _T:
        """The object. A failed opening is tried again at the next call."""
        with self._lock:
            if not self._held:
                stack = ExitStack()
                self._held.append(stack.enter_context(self._open()))
                atexit.register(stack.close)
        return self._held[0]


def lazily(open_: Callable[[], AbstractContextManager[_T]]) -> dg.ResourceDefinition:
    """A resource whose value is a function that gives the object ``open_`` opens."""
    return dg.ResourceDefinition.hardcoded_resource(Held(open_))
