"""Health: every dependency honestly, in bounded time, and the service as good as what it needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import delete
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.probes import ObservedEmbedder, standard_probes
from drovi_api.runtime import ApiRuntime, Probe
from drovi_api.user.health import service
from resources.database import AppDatabase
from resources.errors import ProviderDown, Transient
from resources.events.opening import open_event_log
from resources.object_store import open_object_store
from resources.schema import outbox
from resources.settings import Settings
from tests.api.conftest import Caller
from tests.conftest import Database
from tests.fakes.embedder import FakeEmbedder

UNREACHABLE = "postgresql://drovi_app:x@127.0.0.1:9/drovi"  # the discard port: nobody listens


@contextmanager
def serving(runtime: ApiRuntime, *probes: Probe) -> Iterator[TestClient]:
    with TestClient(create_app(replace(runtime, probes=probes)), raise_server_exceptions=False) as client:
        yield client


def fails(message: str) -> Callable[[], str]:
    def check() -> str:
        raise ProviderDown(message)

    return check


def test_all_is_up(stranger: Caller) -> None:
    response = stranger("GET", "/health")
    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert [check["name"] for check in response.json()["checks"]] == ["database"]


def test_something_optional_is_down(runtime: ApiRuntime) -> None:
    """The service works, and says with what missing."""
    with serving(runtime, Probe("a", lambda: "fine"), Probe("b", fails("Gone."), required=False)) as client:
        response = client.get("/health")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert [(c["name"], c["status"], c["detail"]) for c in response.json()["checks"]] == [
        ("a", "up", "fine"),
        ("b", "down", "Gone."),
    ]


def test_something_required_is_down(runtime: ApiRuntime) -> None:
    with serving(runtime, Probe("a", fails("Gone."))) as client:
        response = client.get("/health")
    assert (response.status_code, response.json()["status"]) == (503, "down")


def test_what_a_library_says_is_not_shown(runtime: ApiRuntime) -> None:
    """Anyone may ask, and a driver's message may hold an address or a password."""

    def check() -> str:
        raise OSError("postgresql://drovi:hunter2@db failed")

    with serving(runtime, Probe("a", check)) as client:
        response = client.get("/health")
    assert response.json()["checks"][0]["detail"] == "OSError"


def test_a_dependency_that_hangs_costs_its_timeout_once(
    runtime: ApiRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is not asked again while it hangs."""
    monkeypatch.setattr(service, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(service.HealthMonitor.__init__, "__defaults__", (0.05,))
    asked, released = [], threading.Event()

    def hang() -> str:
        asked.append(1)
        released.wait(30)
        return "late"

    with serving(runtime, Probe("a", hang)) as client:
        answers = [client.get("/health").json()["checks"][0] for _ in range(3)]
        released.set()
    assert [answer["status"] for answer in answers] == ["down"] * 3
    assert answers[0]["detail"] == "no answer within 0.05 s"
    assert asked == [1]


def test_without_a_database_requests_and_health_say_so(runtime: ApiRuntime, owner: Caller) -> None:
    """503 with a time to come back, not a fault of ours."""
    database = AppDatabase(UNREACHABLE)
    with serving(
        replace(runtime, database=database), Probe("database", lambda: database.ping() or "")
    ) as client:
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "down")
        response = Caller(client, owner.tenant)("GET", "/api/v1/auth/me")
    assert (response.status_code, response.json()["code"]) == (503, "SERVER_ERROR")
    assert int(response.headers["retry-after"]) >= 1


def test_the_probes_of_a_whole_platform(
    api_database: Database, runtime: ApiRuntime, tmp_path: object
) -> None:
    """On a database where Dagster has never run: that alone is missing, and is not required."""
    with api_database.worker.dispatch() as session:
        session.execute(delete(outbox))  # what other tests left there, which nobody moves
    settings = Settings(home=tmp_path)
    embedder = ObservedEmbedder(FakeEmbedder())
    probes = standard_probes(
        settings=settings,
        urls=api_database.urls,
        database=api_database.app,
        worker=api_database.worker,
        store=open_object_store(settings),
        embedder=embedder,
        events=open_event_log(settings),
    )
    with serving(runtime, *probes) as client:
        health = client.get("/health").json()
    assert health["status"] == "degraded"
    assert {check["name"]: check["detail"] for check in health["checks"]} == {
        "database": "answers",
        "object_store": "answers",
        "event_log": "0 events wait to be published",
        "embedder": "fake, loads on first use",
        "dagster_daemon": "It has never run.",
    }
    embedder.encode(["words"])
    assert embedder.loaded


def test_an_event_log_that_does_not_answer_is_down(
    api_database: Database, runtime: ApiRuntime, tmp_path: object
) -> None:
    """Kafka where nobody listens: the service is up, and says what waits."""
    settings = Settings(home=tmp_path, kafka_bootstrap_servers="127.0.0.1:9")
    events = open_event_log(settings)
    probes = standard_probes(
        settings=settings,
        urls=api_database.urls,
        database=api_database.app,
        worker=api_database.worker,
        store=open_object_store(settings),
        embedder=ObservedEmbedder(FakeEmbedder()),
        events=events,
    )
    with pytest.raises(Transient, match="Kafka"):
        next(probe for probe in probes if probe.name == "event_log").check()
    events.close()


def test_metrics_count_by_route_and_never_by_path(owner: Caller, stranger: Caller) -> None:
    owner("GET", "/api/v1/auth/me")
    stranger("GET", "/api/v1/secrets/hunter2")
    exposition = stranger("GET", "/metrics").text
    assert 'drovi_http_request_seconds_count{method="GET",route="/api/v1/auth/me",status="200"}' in exposition
    assert 'route="unmatched"' in exposition
    assert "drovi_backlog_readable 1.0" in exposition
    assert "hunter2" not in exposition


def test_metrics_are_for_this_machine_unless_told_otherwise(runtime: ApiRuntime) -> None:
    app = create_app(replace(runtime, metrics_to_all=False))
    for address, status in (("127.0.0.1", 200), ("::1", 200), ("203.0.113.9", 404)):
        with TestClient(app, client=(address, 50000)) as client:
            assert client.get("/metrics").status_code == status
