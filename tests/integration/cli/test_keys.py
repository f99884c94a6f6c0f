"""``drovi keys``: look at the master keys, rotate them, let old ones go."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import update

from drovi.environment import Environment
from drovi_assets.connectors.connections import create_connection
from resources import master_keys
from resources.schema import connection_secret
from tests.api.cases import POSTGRES_CONFIG
from tests.integration.cli.conftest import Said


@pytest.fixture
def sealed(environment: Environment) -> None:
    """Two connections with a password each."""
    for _ in range(2):
        with environment.app.acting_as(environment.principal) as session:
            create_connection(
                session,
                environment.principal,
                environment.secrets,
                connector="postgres",
                name=str(uuid4()),
                config=POSTGRES_CONFIG,
            )


def test_a_key_is_rotated_and_retired(
    drovi: Callable[..., Said], sealed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed at each step with what it seals; refused while it is needed."""
    (old,) = drovi("keys", "list", "--json").data["keys"]
    assert (old["current"], old["secrets"], old["origin"]) == (True, 2, "secrets.json")
    assert drovi("keys", "retire", old["id"]).code == 2
    rotated = drovi("keys", "rotate", "--json")
    assert (rotated.code, rotated.data["rewrapped"]) == (0, 2)
    counts = {key["id"]: key["secrets"] for key in drovi("keys", "list", "--json").data["keys"]}
    assert counts == {rotated.data["key_id"]: 2, old["id"]: 0}
    refused = drovi("keys", "retire", old["id"])
    assert refused.code == 2
    monkeypatch.setattr(master_keys, "GRACE", master_keys.GRACE * 0)
    assert drovi("keys", "retire", old["id"]).code == 0
    assert [key["id"] for key in drovi("keys", "list", "--json").data["keys"]] == [rotated.data["key_id"]]


def test_a_key_that_is_gone_is_listed_as_missing_and_fails_the_rotation(
    drovi: Callable[..., Said], sealed: None, environment: Environment
) -> None:
    """With the rows that it would have opened."""
    with environment.runtime.database.organisation(environment.principal.org_id) as session:
        session.execute(update(connection_secret).values(key_id="lost"))
    listed = {key["id"]: key for key in drovi("keys", "list", "--json").data["keys"]}
    assert (listed["lost"]["origin"], listed["lost"]["secrets"]) == ("missing", 2)
    said = drovi("keys", "rotate", "--resume", "--json")
    assert said.code == 1
    assert len(said.data["unopened"]) == 2


def test_no_command_shows_a_key(drovi: Callable[..., Said], sealed: None, environment: Environment) -> None:
    said = "".join(
        drovi(*command).text
        for command in (
            ("keys", "list"),
            ("keys", "rotate"),
            ("keys", "list", "--json"),
            ("audit", "list", "--platform"),
        )
    )
    known = environment.settings.secrets.all()
    assert len(known) == 2
    assert not any(value in said for value in known.values())
