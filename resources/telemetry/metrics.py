"""The metric families of the platform, behind methods whose arguments are the only labels there are.

Labels take few values, all from the code: an organisation, a path or a word of a tenant's as a label would
leak it to everybody who can read metrics, and make a time series for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# Around the budgets: a search within 50 ms, a request within 1 s, a file within its 60 s.
_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SEARCH_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5)
_PARSE_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

Outcome = Literal["new", "unchanged", "deleted", "refused"]
SearchMode = Literal["lexical", "semantic", "hybrid", "answer"]


class Metrics:
    """One set of families in a registry of its own; the process's is :data:`metrics`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "drovi_http_request_seconds",
            "Time to answer a request.",
            ("method", "route", "status"),
            buckets=_REQUEST_SECONDS,
            registry=self.registry,
        )
        self._items = Counter(
            "drovi_ingest_items", "Source items read.", ("connector", "outcome"), registry=self.registry
        )
        self._parse = Histogram(
            "drovi_parse_seconds",
            "Time to parse a file, in its child process.",
            ("format", "outcome"),
            buckets=_PARSE_SECONDS,
            registry=self.registry,
        )
        self._search = Histogram(
            "drovi_search_seconds",
            "Time to search, or to answer.",
            ("mode",),
            buckets=_SEARCH_SECONDS,
            registry=self.registry,
        )
        self._events_expired = Counter(
            "drovi_events_expired",
            "Events that retention removed before they were consumed.",
            ("topic",),
            registry=self.registry,
        )
        self._jobs = Gauge("drovi_jobs", "Jobs by status.", ("status",), registry=self.registry)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

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

    def events_expired(self, topic: str, count: int) -> None:
        """``topic`` is one of the code's, without an installation's prefix."""
        self._events_expired.labels(topic).inc(count)

    def jobs(self, by_status: Mapping[str, int]) -> None:
        """The whole picture: a status left out has no jobs."""
        self._jobs.clear()
        for status, count in by_status.items():
            self._jobs.labels(status).set(count)

    def text(self) -> str:
        """All families in Prometheus' text format."""
        return generate_latest(self.registry).decode("utf-8")


metrics: Final = Metrics()


def metrics_text() -> str:
    """What this process serves at ``/metrics``."""
    return metrics.text()
