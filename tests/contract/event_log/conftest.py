"""Both logs, each empty: the table in Postgres, and Kafka.

Kafka is the one that ``KAFKA_BOOTSTRAP_SERVERS`` names, else a broker of one file that speaks its protocol. librdkafka's own
mock cluster would not do: it makes no topics, and forgets.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import UUID

import pytest

from resources.events import topology
from resources.events.log import EventLog
from resources.events.opening import open_event_log
from resources.events.postgres import PostgresEventLog
from resources.settings import Settings
from tests.conftest import Tenant
from tests.contract.event_log.cases import kafka_settings
from tests.fakes.broker import Broker


@pytest.fixture(scope="session")
def bootstrap_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One broker for the session."""
    if given := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield given
        return
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker.address
    broker.stop()


@pytest.fixture
def settings(bootstrap_servers: str) -> Settings:
    """Kafka without a topic yet."""
    return kafka_settings(bootstrap_servers)


@pytest.fixture
def kafka(settings: Settings) -> Iterator[EventLog]:
    """Kafka with empty topics."""
    topology.initialise(settings)
    log = open_event_log(settings)
    yield log
    log.close()


@pytest.fixture(params=["postgres", "kafka"])
def log(request: pytest.FixtureRequest) -> EventLog:
    """Each backend in turn."""
    if request.param == "postgres":
        return PostgresEventLog()
    found: EventLog = request.getfixturevalue("kafka")
    return found


@pytest.fixture
def org_id(tenant: Tenant) -> UUID:
    return tenant.principal.org_id
