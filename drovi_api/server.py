"""The process that serves the API: ``python -m drovi_api.server``, as the platform and the images start it.

It opens what requests need, serves until SIGTERM or SIGINT, lets requests in flight end, and closes what it
opened. The schema is migrated by ``drovi migrate`` before, never here: replicas would race.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import uvicorn

from drovi_api.app import create_app
from drovi_api.probes import ObservedEmbedder, standard_probes
from drovi_api.runtime import ApiRuntime
from resources.database import AppDatabase, IdentityDatabase, WorkerDatabase
from resources.embedded_postgres import connect_or_start
from resources.embedder import Embedder
from resources.events.opening import open_event_log
from resources.garbage import spare_what_is_loaded
from resources.http import HttpClient
from resources.identity.administrators import Rules
from resources.identity.provider import open_provider
from resources.object_store import open_object_store
from resources.secrets import SecretBox
from resources.settings import DatabaseUrls, Settings
from resources.telemetry import configure_logging

KEEP_ALIVE_SECONDS = 65
"""Longer than a load balancer's usual 60: the side that closes an idle connection must be the one that reuses it."""

SHUTDOWN_SECONDS = 10
"""For requests in flight; what takes longer is cut off, since an orchestrator kills after 30."""


@contextmanager
def open_runtime(settings: Settings, urls: DatabaseUrls) -> Iterator[ApiRuntime]:
    """Everything a request may touch; closed at the end."""
    with ExitStack() as stack:
        database = AppDatabase(urls.app, application_name="drovi-api")
        stack.callback(database.close)
        identity = IdentityDatabase(urls.identity, application_name="drovi-api-identity")
        stack.callback(identity.close)
        worker = WorkerDatabase(urls.worker, application_name="drovi-api-health")
        stack.callback(worker.close)
        http = HttpClient()
        stack.callback(http.close)
        embedder = ObservedEmbedder(
            Embedder(precision=settings.embedding_precision, model_path=settings.embedding_model_path)
        )
        objects = open_object_store(settings)
        events = open_event_log(settings)
        stack.callback(events.close)
        probes = standard_probes(
            settings=settings,
            urls=urls,
            database=database,
            worker=worker,
            store=objects,
            embedder=embedder,
            events=events,
        )
        yield ApiRuntime(
            database=database,
            identity=identity,
            embedder=embedder,
            secrets=SecretBox(settings.master_keys),
            objects=objects,
            probes=probes,
            public_url=settings.public_url,
            provider=open_provider(settings, http),
            open_sign_up=settings.sign_up == "open",
            erasure_grace=timedelta(days=settings.erasure_grace_days),
            allowed_origins=frozenset(settings.cors_origins.split()),
            intake_max_bytes=settings.intake_max_bytes,
            intake_per_minute=settings.intake_per_minute,
            administration=Rules.of(settings),
            log=events,
        )


def serve(settings: Settings, urls: DatabaseUrls) -> None:
    """Serve until a signal ends it."""
    with open_runtime(settings, urls) as runtime:
        app = create_app(runtime)
        spare_what_is_loaded()
        uvicorn.run(
            app,
            host=settings.api_host,
            port=settings.api_port,
            log_config=None,  # resources.telemetry writes the log, the edge its access lines
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )


def main() -> None:
    """Read the settings, reach the database, serve."""
    # uvicorn lets requests in flight end, then raises the signal again: it must unwind us, not kill us.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    settings = Settings.load()
    configure_logging(level=settings.log_level, log_format=settings.log_format, service="api")
    if not settings.embedded_database:
        serve(settings, settings.external_database_urls())
        return
    with connect_or_start(settings.home, port=settings.postgres_port) as server:
        serve(settings, server.urls())


if __name__ == "__main__":
    main()
