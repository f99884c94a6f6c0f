"""What the platform says about itself: structured logs with secrets removed, and Prometheus metrics.

A log line and a metric's label are for operators, not for the tenants' content: lines carry ids, counts and
durations; labels are names from the code (a route's template, a kind, an outcome), never values from data.
"""

from __future__ import annotations

from structlog.contextvars import bound_contextvars

from resources.telemetry.exposition import serve_metrics
from resources.telemetry.logs import configure_logging, get_logger
from resources.telemetry.metrics import Metrics, metrics, metrics_text

__all__ = [
    "Metrics",
    "bound_contextvars",
    "configure_logging",
    "get_logger",
    "metrics",
    "metrics_text",
    "serve_metrics",
]
