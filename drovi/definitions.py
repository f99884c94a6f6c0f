"""Everything Dagster sees, put together: the only place where assets, checks, jobs, sensors and resources meet.

Importing it opens nothing and loads no model; ``workspace.yaml`` has the code server do that.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import dagster as dg

from drovi_assets.assets.connectors import RUNTIME, connector_assets
from drovi_assets.checks.connectors import connector_checks, golden_checks
from drovi_assets.connectors.registry import CONNECTORS
from drovi_assets.connectors.sources.documents import Documents
from drovi_assets.event_jobs import range_job
from drovi_assets.jobs import JOBS
from drovi_assets.pipeline.runtime import Runtime, open_runtime
from drovi_assets.schedules import checks_job
from resources.bindings import lazily
from resources.garbage import spare_what_is_loaded
from resources.settings import Settings
from resources.telemetry import configure_logging, serve_metrics
from sensors.events import events
from sensors.jobs import jobs
from sensors.live_sync import live_sync
from sensors.reconcile import reconcile


def build_defs(overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The definitions of this deployment; ``overrides`` replaces resources by name, as tests do."""
    return dg.Definitions(
        assets=[asset for connector in CONNECTORS for asset in connector_assets(connector)],
        asset_checks=[
            *(check for connector in CONNECTORS for check in connector_checks(connector)),
            *golden_checks(Documents.name),
        ],
        jobs=[*JOBS, range_job, checks_job],
        sensors=[live_sync, events, jobs, reconcile],
        resources={RUNTIME: lazily(_runtime), **(overrides or {})},
        # Steps share one process: its models load once, and a step costs 0.1 s in place of 3.
        executor=dg.in_process_executor,
    )


def _runtime() -> AbstractContextManager[Runtime]:
    settings = Settings.load()
    spare_what_is_loaded()
    configure_logging(level=settings.log_level, log_format=settings.log_format, service="dagster")
    if (
        multiprocessing.parent_process() is None
    ):  # a run's worker is the code server's child, and ends with its run
        serve_metrics(settings.metrics_host, settings.metrics_port)
    return open_runtime(settings, settings.external_database_urls(), application_name="drovi-dagster")


defs = build_defs()
