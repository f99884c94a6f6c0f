"""Which connectors there are, what each must be given, and how one is made from a connection's row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from drovi_assets.connectors.contract import Connector, Stream
from drovi_assets.connectors.intake import Intake
from drovi_assets.connectors.sources.documents import Documents, DocumentsConfig
from drovi_assets.connectors.sources.feed import Feed, FeedConfig, FeedIntake
from drovi_assets.connectors.sources.postgres import Postgres, PostgresConfig
from resources.budgets import UNLIMITED, Rates
from resources.errors import NotConfigured, NotFound


@dataclass(frozen=True, slots=True)
class ConnectorSpec:
    """One kind of source: its configuration, the names of its secrets, and what makes a connector of them.

    ``make`` takes the checked configuration and the secrets by name; it opens nothing. ``rates`` is how often the
    provider may be called, each page and each other question counting as a call. With an ``intake`` its connections are
    pushed to, where it ``subscribes`` once its provider was asked for that; ``interval_seconds`` is how often one is read
    where not every few seconds.
    """

    name: str
    title: str
    config: type[BaseModel]
    make: Callable[[Any, Mapping[str, str]], Connector]
    secrets: tuple[str, ...] = ()
    intake: Intake | None = None
    interval_seconds: int | None = None
    subscribes: bool = False
    rates: Rates = UNLIMITED

    def checked(self, config: Mapping[str, Any]) -> BaseModel:
        """The configuration as its model.

        Raises:
            NotConfigured: naming each field that is missing or wrong, never its value.
        """
        try:
            return self.config.model_validate(config)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'configuration'}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            )
            raise NotConfigured(
                f"{self.title} is not configured: {faults}.", remedy="Complete the connection's settings."
            ) from None

    def streams(self, config: Mapping[str, Any]) -> Sequence[Stream]:
        """The streams of a source of that configuration; nothing is opened, and no secret is needed.

        Raises:
            NotConfigured: a field is missing or wrong.
        """
        with closing(self.make(self.checked(config), dict.fromkeys(self.secrets, ""))) as connector:
            return connector.streams()

    @property
    def is_read(self) -> bool:
        """Whether there is anything to read, beside what is pushed."""
        return self.intake is None or self.subscribes

    def connect(self, config: Mapping[str, Any], secrets: Mapping[str, str]) -> Connector:
        """A connector, not yet connected; close it.

        Raises:
            NotConfigured: a field or a secret is missing or wrong.
        """
        checked = self.checked(config)
        if missing := [name for name in self.secrets if name not in secrets]:
            raise NotConfigured(
                f"{self.title} is not configured: no {', '.join(missing)} was given.",
                remedy=f"Enter the {', '.join(missing)} in the connection's settings.",
            )
        return self.make(checked, secrets)


CONNECTORS: Mapping[str, ConnectorSpec] = {
    spec.name: spec
    for spec in (
        ConnectorSpec(Documents.name, "Documents", DocumentsConfig, Documents),
        ConnectorSpec(Postgres.name, "PostgreSQL", PostgresConfig, Postgres, secrets=("password",)),
        ConnectorSpec(
            Feed.name,
            "Incoming webhook",
            FeedConfig,
            lambda _config, _secrets: Feed(),
            intake=FeedIntake(),
            interval_seconds=24 * 3600,
        ),
    )
}


def spec_of(name: str, connectors: Mapping[str, ConnectorSpec] = CONNECTORS) -> ConnectorSpec:
    """The connector of that name.

    Raises:
        NotFound: there is none.
    """
    try:
        return connectors[name]
    except KeyError:
        raise NotFound(
            f"There is no connector {name!r}.", remedy=f"Choose one of: {', '.join(sorted(connectors))}."
        ) from None
