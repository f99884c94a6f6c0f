"""The metric families of the platform, behind methods whose arguments are the only labels there are.

Labels take few values, all from the code: an organisation, a path or a word of a tenant's as a label would
leak it to everybody who can read metrics, and make a time series for each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

# Around the budgets: a search within 50 ms, a request within 1 s, a file within its 60 s.
_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SEARCH_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5)
# A tick works for 15 s of its 60; a person waits ten seconds for what they wrote, a backlog of a day is still one.
_TICK_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 60)
_DELAY_SECONDS: Final = (0.5, 1, 2.5, 5, 10, 20, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)
_WAIT_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900)
_PARSE_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

Outcome = Literal["new", "unchanged", "deleted", "refused"]
SearchMode = Literal["lexical", "semantic", "hybrid", "answer"]
Since = Literal["occurred", "landed"]


class Metrics:
    """One set of families in a registry of its own; the process's is :data:`metrics`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._serving()
        self._ingesting()
        self._executing()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def _serving(self) -> None:
        self._requests = self._histogram(
            "drovi_http_request_seconds",
            "Time to answer a request.",
            ("method", "route", "status"),
            _REQUEST_SECONDS,
        )
        self._search = self._histogram(
            "drovi_search_seconds", "Time to search, or to answer.", ("mode",), _SEARCH_SECONDS
        )

    def _ingesting(self) -> None:
        self._items = self._counter("drovi_ingest_items", "Source items read.", ("connector", "outcome"))
        self._parse = self._histogram(
            "drovi_parse_seconds",
            "Time to parse a file, in its child process.",
            ("format", "outcome"),
            _PARSE_SECONDS,
        )
        self._delay = self._histogram(
            "drovi_end_to_end_seconds",
            "Time until an item could be found, since it occurred at its source or since it was landed.",
            ("since",),
            _DELAY_SECONDS,
        )

    def _executing(self) -> None:
        self._retried = self._counter(
            "drovi_events_retried", "Events put off after a failure, to be tried again.", ("topic",)
        )
        self._dead = self._counter("drovi_events_dead", "Events given up as dead letters.", ("topic",))
        self._handler_errors = self._counter(
            "drovi_event_handler_errors", "Calls of an event's handler that failed.", ("topic",)
        )
        self._events_expired = self._counter(
            "drovi_events_expired", "Events that retention removed before they were consumed.", ("topic",)
        )
        self._takeovers = self._counter(
            "drovi_lease_takeovers", "Leases taken over from workers that gave no sign.", ("lease",)
        )
        self._waits = self._histogram(
            "drovi_budget_wait_seconds",
            "Time that calls to a provider were held back for its budget.",
            ("provider",),
            _WAIT_SECONDS,
        )
        self._ticks = self._histogram(
            "drovi_tick_seconds", "Time of a sensor's tick.", ("sensor", "outcome"), _TICK_SECONDS
        )

    def _counter(self, name: str, words: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, words, labels, registry=self.registry)

    def _histogram(
        self, name: str, words: str, labels: tuple[str, ...], buckets: tuple[float, ...]
    ) -> Histogram:
        return Histogram(name, words, labels, buckets=buckets, registry=self.registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """``route`` is the template (``/items/{item_id}``), or empty where none matched: never the path itself."""
        self._requests.labels(method, route or "unmatched", str(status)).observe(seconds)

    def items(self, connector: str, outcome: Outcome, count: int = 1) -> None:
        """``connector`` is the kind (``gmail``), not the connection."""
        self._items.labels(connector, outcome).inc(count)

    def parsed(self, document_format: str, seconds: float, *, refused: bool = False) -> None:
        """``document_format`` is the recognised one (``pdf``), not the file's ending, which anybody can choose."""
        self._parse.labels(document_format, "refused" if refused else "parsed").observe(seconds)

    def searched(self, mode: SearchMode, seconds: float) -> None:
        """Wall-clock time inside the service, the database included."""
        self._search.labels(mode).observe(seconds)

    def indexed(self, since: Since, seconds: float) -> None:
        """An item can be found now, so many seconds after it occurred, or was landed."""
        self._delay.labels(since).observe(max(0.0, seconds))

    def retried(self, topic: str, count: int = 1) -> None:
        """``topic`` is where the events were first published, whatever retry they went through since; so below."""
        self._retried.labels(topic).inc(count)

    def dead(self, topic: str, count: int = 1) -> None:
        """Events became dead letters."""
        self._dead.labels(topic).inc(count)

    def handler_failed(self, topic: str, count: int = 1) -> None:
        """A handler raised, whatever follows from it."""
        self._handler_errors.labels(topic).inc(count)

    def events_expired(self, topic: str, count: int) -> None:
        """``topic`` is one of the code's, without an installation's prefix."""
        self._events_expired.labels(topic).inc(count)

    def taken_over(self, lease: Literal["connection", "job"], count: int = 1) -> None:
        """A worker took what another held and let run out."""
        self._takeovers.labels(lease).inc(count)

    def waited(self, provider: str, seconds: float) -> None:
        """``provider`` is the name in the code (``google``), not the account."""
        self._waits.labels(provider).observe(seconds)

    @contextmanager
    def ticking(self, sensor: str) -> Iterator[None]:
        """Around a sensor's whole body."""
        begun = time.perf_counter()
        outcome = "failed"
        try:
            yield
            outcome = "done"
        finally:
            self._ticks.labels(sensor, outcome).observe(time.perf_counter() - begun)

    def text(self) -> str:
        """All families in Prometheus' text format."""
        return generate_latest(self.registry).decode("utf-8")


metrics: Final = Metrics()


def metrics_text() -> str:
    """What this process serves at ``/metrics``."""
    return metrics.text()
