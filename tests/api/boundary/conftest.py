"""A ground for each test: an application with two tenants, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.embedded_postgres import EmbeddedPostgres
from tests.api.boundary.sides import Ground, open_ground
from tests.conftest import Database


@pytest.fixture
def ground(database: Database, postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Ground]:
    name = database.urls.owner.rpartition("/")[2].partition("?")[0]
    with open_ground(database, postgres.url(name, "superuser"), tmp_path) as opened:
        yield opened
