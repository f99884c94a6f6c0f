"""What ``/health`` asks of each dependency of the platform: the smallest question that tells it works.

The roles these use beyond the application's are for this alone: they read counts and heartbeats, no content.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import psycopg
from sqlalchemy import func, select

from drovi_api.runtime import Probe
from drovi_assets.retrieval.index import Vectors
from resources.database import AppDatabase, WorkerDatabase
from resources.embedder import TextEmbedder
from resources.errors import NotConfigured, ProviderDown
from resources.events.log import EventLog
from resources.object_store import ObjectStore
from resources.schema import outbox
from resources.settings import DatabaseUrls, Settings

_NOBODY = str(UUID(int=0))
_NOTHING = "0" * 64
_BACKLOG_SHOWN = 10_000
_BACKLOG_SECONDS = 300
"""The relay runs every few seconds: an event that waits for minutes says that it does not."""
_HEARTBEAT_SECONDS = 120
"""Dagster's daemon beats every 30 seconds."""


class ObservedEmbedder:
    """An embedder that tells whether its model is in memory: it comes there on first use."""

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder
        self.loaded = False

    @property
    def model_id(self) -> str:
        """Of the embedder inside."""
        return self._embedder.model_id

    def encode(self, texts: Sequence[str]) -> Vectors:
        """By the embedder inside."""
        vectors = self._embedder.encode(texts)
        self.loaded = True
        return vectors


def standard_probes(
    *,
    settings: Settings,
    urls: DatabaseUrls,
    database: AppDatabase,
    worker: WorkerDatabase,
    store: ObjectStore,
    embedder: ObservedEmbedder,
    events: EventLog,
) -> tuple[Probe, ...]:
    """The dependencies of a whole platform. The database is the one that nothing works without."""
    return (
        Probe("database", lambda: _database(database)),
        Probe(
            "object_store", lambda: _object_store(store, settings.resolved_object_store_url()), required=False
        ),
        Probe("event_log", lambda: _event_log(worker, events), required=False),
        Probe("embedder", lambda: _embedder(embedder), required=False),
        Probe("dagster_daemon", lambda: _dagster_daemon(urls.dagster), required=False),
    )


def _database(database: AppDatabase) -> str:
    database.ping()
    return "answers"


def _object_store(store: ObjectStore, url: str) -> str:
    store.exists(_NOBODY, _NOTHING)
    parts = urlsplit(url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        existing = next(place for place in (folder, *folder.parents) if place.exists())
        if not os.access(existing, os.W_OK):
            raise NotConfigured("The folder of the object store cannot be written.")
    return "answers"


def _event_log(worker: WorkerDatabase, events: EventLog) -> str:
    events.ping()
    with worker.dispatch() as connection:
        waiting = (
            select(outbox.c.id, outbox.c.created_at).order_by(outbox.c.id).limit(_BACKLOG_SHOWN).subquery()
        )
        count, age = connection.execute(
            select(
                func.count(),
                func.coalesce(func.extract("epoch", func.now() - func.min(waiting.c.created_at)), 0),
            ).select_from(waiting)
        ).one()
    many = f"{count}+" if count == _BACKLOG_SHOWN else str(count)
    if age > _BACKLOG_SECONDS:
        raise ProviderDown(f"{many} events wait to be published, the oldest for {age:.0f} s.")
    return f"{many} events wait to be published"


def _embedder(embedder: ObservedEmbedder) -> str:
    return f"{embedder.model_id}, {'loaded' if embedder.loaded else 'loads on first use'}"


def _dagster_daemon(url: str) -> str:
    """Its own table, read as such: the API does not import Dagster."""
    try:
        with psycopg.connect(url, connect_timeout=2, autocommit=True) as connection:
            row = connection.execute(
                "SELECT extract(epoch FROM (now() AT TIME ZONE 'utc') - max(timestamp)) FROM daemon_heartbeats"
            ).fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    except psycopg.OperationalError as error:
        raise ProviderDown("Dagster's database does not answer.") from error
    if row is None or row[0] is None:
        raise ProviderDown("It has never run.")
    if row[0] > _HEARTBEAT_SECONDS:
        raise ProviderDown(f"Its last heartbeat was {row[0]:.0f} s ago.")
    return f"last heartbeat {row[0]:.0f} s ago"
