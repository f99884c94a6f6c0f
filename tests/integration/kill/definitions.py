"""The definitions that the killed platform's code server loads: the product's, over a runtime with three doubles.

A word model stands for the embedder, which takes ten seconds to load; sources take a moment for each page, as a
provider does, and note it in a file that no kill can reach; and there is one more kind of source, ``careless``,
which saves its position before its rows. Pages are small, so that kills find them half done.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from drovi.definitions import build_defs
from drovi_assets.assets.connectors import RUNTIME
from drovi_assets.connectors.registry import CONNECTORS
from drovi_assets.connectors.sources import documents
from drovi_assets.connectors.sources.postgres import connector as postgres
from drovi_assets.pipeline.runtime import Runtime, open_runtime
from resources.bindings import lazily
from resources.settings import Settings
from resources.telemetry import configure_logging
from tests.fakes.embedder import FakeEmbedder
from tests.integration.kill.pages import careless, noted

PAGE = 20
PAGES, LEASE = "DROVI_KILL_PAGES", "DROVI_KILL_LEASE_SECONDS"
"""Where pages are noted, and a lease's length where it is not the product's."""

documents.PAGE_FILES = postgres.PAGE_ROWS = PAGE


@contextmanager
def _runtime() -> Iterator[Runtime]:
    settings = Settings.load()
    configure_logging(level=settings.log_level, log_format=settings.log_format, service="dagster")
    urls = settings.external_database_urls()
    book = Path(os.environ[PAGES])
    connectors = {name: noted(spec, book) for name, spec in CONNECTORS.items()}
    connectors["careless"] = careless(connectors["documents"], book)
    with open_runtime(settings, urls, application_name="drovi-dagster") as runtime:
        sources = replace(runtime.sources, connectors=connectors)
        if seconds := os.environ.get(LEASE):
            sources = replace(sources, lease_seconds=float(seconds))
        yield replace(runtime, embedder=FakeEmbedder(), sources=sources)


defs = build_defs({RUNTIME: lazily(_runtime)})
