"""What the stages need from outside, in one value that whoever starts the process puts together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from drovi_assets.connectors.runtime import Runtime as Sources
from drovi_assets.documents.confine import Limits
from drovi_assets.documents.model import ParsedDocument
from drovi_assets.documents.sandbox import Sandbox
from drovi_assets.retrieval.index import follow, forget
from resources.budgets import Rate
from resources.database import AppDatabase, WorkerDatabase
from resources.embedder import Embedder, TextEmbedder
from resources.errors import DroviError, NotConfigured
from resources.events.log import EventLog
from resources.events.opening import open_event_log
from resources.events.postgres import PostgresEventLog
from resources.mailer import Mailer, NoMailer, open_mailer
from resources.object_store import ObjectStore, open_object_store
from resources.outbound import Outbound, networks_of
from resources.secrets import SecretBox
from resources.settings import DatabaseUrls, Settings
from resources.settings.rates import parse_rates


class Parser(Protocol):
    """Parses many files, each in isolation; ``documents.sandbox.Sandbox`` is the one in use."""

    def parse_many(
        self, files: Iterable[tuple[int, bytes, str]]
    ) -> Iterator[tuple[int, ParsedDocument | DroviError]]:
        """Yield (key, document or refusal) for each (key, content, name), in any order."""
        ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """The outside world of background work; ``sources`` is what its connectors run with."""

    database: WorkerDatabase
    objects: ObjectStore
    parser: Parser
    embedder: TextEmbedder
    sources: Sources
    mailer: Mailer = field(default_factory=lambda: NoMailer(NotConfigured("No mailer was opened.")))
    outbound: Outbound = field(default_factory=Outbound)
    public_url: str = ""
    """Where people, and providers that push, reach Drovi: what letters lead to."""
    people: AppDatabase | None = None
    """For what is done as a person, under row-level security, such as an export; None where a process does none."""
    events: EventLog = field(default_factory=PostgresEventLog)

    @property
    def as_person(self) -> AppDatabase:
        """The application's way into the database.

        Raises:
            NotConfigured: this process was not given it.
        """
        if self.people is None:
            raise NotConfigured(
                "This process cannot act for a person.", remedy="Give it the application's database address."
            )
        return self.people


def sources_of(
    database: WorkerDatabase,
    objects: ObjectStore,
    secrets: SecretBox,
    rates: Mapping[str, Rate] = MappingProxyType({}),
) -> Sources:
    """What connectors run with; deletions and changes of readers at the source reach the search index with them."""
    return Sources(database, objects, secrets, forget, follow, rates=rates)


@contextmanager
def open_runtime(
    settings: Settings, urls: DatabaseUrls, *, application_name: str = "drovi-worker"
) -> Iterator[Runtime]:
    """The runtime of these settings; models and parsers load with their first use."""
    with ExitStack() as stack:
        database = WorkerDatabase(urls.worker, application_name=application_name)
        stack.callback(database.close)
        people = AppDatabase(urls.app, application_name=application_name)
        stack.callback(people.close)
        limits = Limits(memory=settings.parse_memory_bytes, seconds=settings.parse_seconds)
        parser = stack.enter_context(Sandbox(limits=limits))
        objects = open_object_store(settings)
        events = open_event_log(settings)
        stack.callback(events.close)
        yield Runtime(
            database=database,
            objects=objects,
            parser=parser,
            embedder=Embedder(
                precision=settings.embedding_precision, model_path=settings.embedding_model_path
            ),
            sources=sources_of(database, objects, SecretBox(settings.master_keys), _rates_of(settings)),
            mailer=_mailer_of(settings),
            outbound=Outbound(networks_of(settings.outbound_networks)),
            public_url=settings.public_url,
            people=people,
            events=events,
        )


def _rates_of(settings: Settings) -> dict[str, Rate]:
    return {provider: Rate(*rate) for provider, rate in parse_rates(settings.call_rates).items()}


def _mailer_of(settings: Settings) -> Mailer:
    """A mail setting that cannot be used keeps letters waiting, and nothing else from working."""
    try:
        return open_mailer(settings)
    except NotConfigured as error:
        return NoMailer(error)
