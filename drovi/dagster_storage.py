"""Dagster's storage as this platform uses it: tables made once, connections kept by whoever asks all the time.

Dagster opens a connection for each use, and looks for its tables each time that a storage is made, which a tick does.
Idle, that was 22 connections a second and a tenth of a core. The daemon, one process that asks every second,
keeps its connections (``DROVI_DAGSTER_POOL``); what comes and goes does not, or connections would pile up.
"""

from __future__ import annotations

import os
from typing import Any, Self

from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)

POOL = "DROVI_DAGSTER_POOL"
"""Set to anything, the process keeps its connections."""
_STATEMENT_MILLISECONDS = 600_000
_RECYCLED_SECONDS = 3600
_MOST_AT_ONCE = 20  # beyond the one that is kept: the daemon's threads


class Storage(DagsterPostgresStorage):
    """Named in ``dagster.yaml``."""

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Self:
        """As Dagster makes it from its configuration."""
        storage = cls(
            config_value["postgres_url"],
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
        )
        if os.environ.get(POOL):
            for part in (storage.run_storage, storage.event_log_storage, storage.schedule_storage):
                part.optimize_for_webserver(_STATEMENT_MILLISECONDS, _RECYCLED_SECONDS, _MOST_AT_ONCE)
        return storage


def create_tables(postgres_url: str) -> None:
    """Create Dagster's tables where they are missing."""
    for storage in (PostgresRunStorage, PostgresEventLogStorage, PostgresScheduleStorage):
        storage(postgres_url, should_autocreate_tables=True)


if __name__ == "__main__":
    create_tables(os.environ["DROVI_DAGSTER_STORAGE"])  # an argument would show the password in ``ps``
