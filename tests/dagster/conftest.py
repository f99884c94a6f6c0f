"""Definitions over a database of the test's own, with a Dagster instance in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from drovi.definitions import build_defs
from drovi_assets.assets.connectors import RUNTIME
from tests.integration.pipeline.conftest import Folder, folder, sandbox  # noqa: F401 - fixtures

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Dagster warns of a beta parameter that it sets itself whenever it copies a sensor."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.filterwarnings("ignore::dagster.BetaWarning"))


@dataclass(frozen=True)
class Graph:
    """The repository of ``build_defs`` over one connected folder."""

    folder: Folder
    repository: dg.RepositoryDefinition
    instance: dg.DagsterInstance

    def run(self, job: str, **how: Any) -> dg.ExecuteInProcessResult:
        return self.repository.get_job(job).execute_in_process(
            instance=self.instance, raise_on_error=False, **how
        )

    def tick(self, sensor: dg.SensorDefinition, cursor: str | None = None) -> Any:
        """What the daemon would get of one tick."""
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=cursor,
            repository_def=self.repository,
            sensor_name=sensor.name,
            resources={RUNTIME: lambda: self.folder.runtime},
        )
        return self.repository.get_sensor_def(sensor.name).evaluate_tick(context)


@pytest.fixture
def graph(folder: Folder) -> Iterator[Graph]:  # noqa: F811 - the fixture imported above
    definitions = build_defs({RUNTIME: dg.ResourceDefinition.hardcoded_resource(lambda: folder.runtime)})
    with dg.DagsterInstance.ephemeral() as instance:
        yield Graph(folder, definitions.get_repository_def(), instance)
