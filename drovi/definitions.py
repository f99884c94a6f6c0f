"""Everything Dagster sees, put together: the only place where assets, checks, jobs, sensors and resources meet.

Importing it opens nothing and loads no model; ``workspace.yaml`` has the code server do that.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import dagster as dg

from drovi_assets.assets.connectors import WORKER, connector_assets
from drovi_assets.automation import Worker, open_worker
from drovi_assets.connectors.registry import CONNECTORS
from drovi_assets.jobs import JOBS
from resources.bindings import lazily
from resources.settings import Settings
from sensors.jobs import jobs
from sensors.live_sync import live_sync
from sensors.reconcile import reconcile


def build_defs(overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The definitions of this deployment; ``overrides`` replaces resources by name, as tests do."""
    return dg.Definitions(
        assets=[asset for connector in CONNECTORS for asset in connector_assets(connector)],
        jobs=JOBS,
        sensors=[live_sync, jobs, reconcile],
        resources={WORKER: lazily(_worker), **(overrides or {})},
        # Steps share one process: its models load once, and a step costs 0.1 s in place of 3.
        executor=dg.in_process_executor,
    )


def _worker() -> AbstractContextManager[Worker]:
    settings = Settings.load()
    return open_worker(settings, settings.external_database_urls(), name="drovi-dagster")


defs = build_defs()
