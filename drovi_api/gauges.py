"""Metrics that live in the database: what waits, read when Prometheus asks.

The API reads them, at most every ``FRESH_SECONDS``, and gives up after ``TIMEOUT_SECONDS``. What it could not read is left
out, and ``drovi_backlog_readable`` says so. They are of the whole platform: of several replicas, one says it all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from resources import backlog
from resources.database import IdentityDatabase
from resources.errors import DroviError, TimedOut
from resources.events.log import EventLog
from resources.telemetry import get_logger

TIMEOUT_SECONDS = 2.0
FRESH_SECONDS = 5.0

_log = get_logger(__name__)
_TIMEOUT = text("SELECT set_config('statement_timeout', :limit, true)")
_LAG_LABELS = ("group", "topic", "partition")


class Gauges(Collector):
    """The gauges of one application, as text for ``/metrics``; safe from many threads."""

    def __init__(self, database: IdentityDatabase, log: EventLog) -> None:
        self._database = database
        self._event_log = log
        self._lock = threading.Lock()
        self._text = ""
        self._read_at = float("-inf")
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> str:
        """In Prometheus' text format, at most ``FRESH_SECONDS`` old."""
        with self._lock:
            if time.monotonic() - self._read_at > FRESH_SECONDS:
                self._text = generate_latest(self._registry).decode("utf-8")
                self._read_at = time.monotonic()
            return self._text

    def describe(self) -> Iterable[Metric]:
        """None ahead of time: registering must not ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every family that can be read in time."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        unread = 0
        for read in (_jobs, _events, _held, self._lags):
            try:
                yield from self._within(deadline, read)
            except (DroviError, SQLAlchemyError) as error:
                _log.warning("what waits could not be read for metrics", error=type(error).__name__)
                unread += 1
        yield _gauge("drovi_backlog_readable", "Whether all that waits could be read just now.", not unread)

    def _within(self, deadline: float, read: Callable[[Connection], list[Metric]]) -> list[Metric]:
        left = int((deadline - time.monotonic()) * 1000)
        if left <= 0:
            raise TimedOut("The database did not answer in time.", remedy="Nothing: it is asked again.")
        with self._database.transaction() as connection:
            connection.execute(_TIMEOUT, {"limit": f"{left}ms"})
            return read(connection)

    def _lags(self, connection: Connection) -> list[Metric]:
        events = GaugeMetricFamily(
            "drovi_consumer_lag_events", "Events that a group has still to read.", labels=_LAG_LABELS
        )
        seconds = GaugeMetricFamily(
            "drovi_consumer_lag_seconds",
            "How long the oldest event that a group has not read is in the log.",
            labels=_LAG_LABELS,
        )
        paused = GaugeMetricFamily(
            "drovi_consumer_paused",
            "Whether a partition waits for what its handler needs.",
            labels=_LAG_LABELS,
        )
        for lag in backlog.lags(connection, self._event_log):
            place = (lag.group, lag.topic, str(lag.partition))
            events.add_metric(place, lag.events)
            paused.add_metric(place, lag.paused_for is not None)
            if lag.seconds is not None:
                seconds.add_metric(place, lag.seconds)
        return [events, seconds, paused]


def _jobs(connection: Connection) -> list[Metric]:
    by_status = GaugeMetricFamily(
        "drovi_jobs",
        "Jobs: all that wait or run; of the finished ones, those that were due within a day.",
        labels=("status", "kind"),
    )
    for (status, kind), count in sorted(backlog.jobs(connection).items()):
        by_status.add_metric((status, kind), count)
    oldest = GaugeMetricFamily(
        "drovi_job_oldest_queued_seconds", "How long the first queued job is due.", labels=("kind",)
    )
    for kind, seconds in sorted(backlog.oldest_jobs(connection).items()):
        oldest.add_metric((kind,), seconds)
    return [by_status, oldest]


def _events(connection: Connection) -> list[Metric]:
    outbox, delayed = backlog.unpublished(connection), backlog.put_off(connection)
    return [
        _gauge("drovi_outbox_events", "Events that wait to be published.", outbox.count),
        _gauge("drovi_outbox_oldest_seconds", "How long the oldest of them waits.", outbox.seconds),
        _gauge("drovi_delayed_events", "Events that wait to be tried again.", delayed.count),
        _gauge("drovi_delayed_overdue_seconds", "How long the first of them is overdue.", delayed.seconds),
    ]


def _held(connection: Connection) -> list[Metric]:
    dead = GaugeMetricFamily("drovi_dead_letters", "Dead letters that nobody settled.", labels=("topic",))
    for topic, count in sorted(backlog.dead_letters(connection).items()):
        dead.add_metric((topic,), count)
    switches = GaugeMetricFamily("drovi_kill_switches", "Kill switches thrown, by scope.", labels=("scope",))
    for scope, count in backlog.thrown_switches(connection).items():
        switches.add_metric((scope,), count)
    return [dead, switches]


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)
