"""A bound on how much costly work is done at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from resources.errors import RateLimited


class Gate:
    """Lets so many in at once; who has waited too long is asked to come back.

    For work that is bound by the processor: more of it at once makes every part of it slower, and a queue
    without an end holds a database connection for each who waits.
    """

    def __init__(self, places: int, wait_seconds: float) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._wait_seconds = wait_seconds

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Inside. Raises ``RateLimited`` where no place came free in time."""
        if not self._places.acquire(timeout=self._wait_seconds):
            raise RateLimited(
                "Too many questions are being answered.", remedy="Ask again in a moment.", retry_after=2
            )
        try:
            yield
        finally:
            self._places.release()
