"""How often a source is read: by its owner's word, at once, and with an entry of what it was before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, update

from resources.audit import newest
from resources.schema import connection as connection_table
from tests.api.cases import POSTGRES_CONFIG
from tests.api.conftest import Caller, World
from tests.conftest import Database

CONNECTIONS = "/api/v1/connections"
EVERY_FEW_SECONDS = {"interval_seconds": 4, "cron": None, "timezone": None}
MORNINGS = {"cron": "0 7 * * 1-5", "timezone": "Europe/Paris"}


def _ledger(name: str, **more: Any) -> dict[str, Any]:
    return {"connector": "postgres", "name": name, "config": POSTGRES_CONFIG, **more}


def _connected(caller: Caller, name: str = "Ledger", **more: Any) -> dict[str, Any]:
    made = caller("POST", CONNECTIONS, json=_ledger(name, **more))
    assert made.status_code == 201, made.text
    return made.json()


def _read_just_now(database: Database, connection_id: str) -> None:
    with database.worker.dispatch() as session:
        mine = update(connection_table).where(connection_table.c.id == connection_id)
        session.execute(mine.values(last_synced_at=func.now(), next_sync_at=func.now()))


def _ahead(connection: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(connection["next_sync_at"]) - datetime.now(UTC)


def test_another_tenant_and_a_colleague_set_no_rhythm(
    stranger: Caller, other: Caller, member: Caller, owner: Caller, world: World
) -> None:
    """Nobody but the owner; of a private source a colleague learns nothing."""
    body = {"rhythm": {"interval_seconds": 77}}
    shared, private = (
        f"{CONNECTIONS}/{one}" for one in (world.shared.connection_id, world.private.connection_id)
    )
    assert stranger("PATCH", shared, json=body).status_code == 401
    assert other("PATCH", shared, json=body).status_code == 404
    assert member("PATCH", private, json=body).status_code == 404
    refused = member("PATCH", shared, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    for path in (shared, private):
        assert owner("GET", path).json()["rhythm"]["interval_seconds"] != 77


def test_a_source_is_read_as_its_kind_is_unless_told_otherwise(newcomer: Callable[[], Caller]) -> None:
    """What is answered is what holds, in the list too."""
    caller = newcomer()
    assert _connected(caller)["rhythm"] == EVERY_FEW_SECONDS
    told = _connected(caller, "Mornings", rhythm=MORNINGS)
    assert told["rhythm"] == {"interval_seconds": None, **MORNINGS}
    pushed = caller("POST", CONNECTIONS, json={"connector": "feed", "name": "Feed", "config": {}}).json()
    assert pushed["rhythm"] == EVERY_FEW_SECONDS | {"interval_seconds": 86_400}
    assert {one["name"]: one["rhythm"] for one in caller("GET", CONNECTIONS).json()["items"]} == {
        "Ledger": EVERY_FEW_SECONDS,
        "Mornings": told["rhythm"],
        "Feed": pushed["rhythm"],
    }


def test_the_next_sync_is_reckoned_anew_from_the_change_on(
    newcomer: Callable[[], Caller], api_database: Database
) -> None:
    """By interval, by cron in its time zone, and back by null; what is left out of a change stays."""
    caller = newcomer()
    made = _connected(caller)
    path = f"{CONNECTIONS}/{made['id']}"
    _read_just_now(api_database, made["id"])

    slow = caller("PATCH", path, json={"rhythm": {"interval_seconds": 3600}}).json()
    assert slow["rhythm"] == EVERY_FEW_SECONDS | {"interval_seconds": 3600}
    assert timedelta(minutes=59) < _ahead(slow) <= timedelta(hours=1)

    noon = {"cron": "0  12 * * *", "timezone": "Asia/Kolkata"}
    by_cron = caller("PATCH", path, json={"rhythm": noon}).json()
    assert by_cron["rhythm"] == {"interval_seconds": None, **noon, "cron": "0 12 * * *"}
    slot = datetime.fromisoformat(by_cron["next_sync_at"]).astimezone(UTC)
    assert (slot.hour, slot.minute) in {(6, 30), (6, 31)}  # put off by up to a minute
    assert timedelta(0) < _ahead(by_cron) <= timedelta(days=1, minutes=1)

    assert caller("PATCH", path, json={}).json() == by_cron
    back = caller("PATCH", path, json={"rhythm": None}).json()
    assert back["rhythm"] == EVERY_FEW_SECONDS
    assert _ahead(back) <= timedelta(seconds=4)


def test_what_was_never_read_is_read_at_once_whatever_its_rhythm(newcomer: Callable[[], Caller]) -> None:
    caller = newcomer()
    made = _connected(caller, rhythm={"interval_seconds": 86_400})
    changed = caller("PATCH", f"{CONNECTIONS}/{made['id']}", json={"rhythm": MORNINGS}).json()
    assert _ahead(made) <= timedelta(0)
    assert changed["next_sync_at"] == made["next_sync_at"]


@pytest.mark.parametrize(
    ("rhythm", "says"),
    [
        ({}, "exactly one of the two"),
        ({"interval_seconds": 60, "cron": "* * * * *"}, "exactly one of the two"),
        ({"interval_seconds": 60, "timezone": "Europe/Paris"}, "Leave the time zone out"),
        ({"timezone": "Europe/Paris"}, "give a cron expression"),
        ({"interval_seconds": 3}, "from 4 to"),
        ({"interval_seconds": 0}, "above zero"),
        ({"interval_seconds": 10**30}, "from 4 to"),
        ({"cron": ""}, "five fields"),
        ({"cron": "0 7 * *"}, "five fields"),
        ({"cron": "0 25 * * *"}, "Bad hour"),
        ({"cron": "0\x00 7 * * *"}, "Bad minute"),
        ({"cron": "0 7 30 2 *"}, "Bad day"),
        ({"cron": "0 7 * * *", "timezone": "Paris"}, "Europe/Paris"),
        ({"cron": "0 7 * * *", "timezone": ""}, "Europe/Paris"),
        ({"cron": "0 7 * * *", "timezone": "Europe"}, "Europe/Paris"),
        ({"every": 5}, "rhythm.every"),
    ],
)
def test_what_is_no_rhythm_is_refused_with_what_to_do(
    owner: Caller, world: World, rhythm: dict[str, Any], says: str
) -> None:
    """Alike where a source is connected and where it is changed; nothing is stored."""
    path = f"{CONNECTIONS}/{world.private.connection_id}"
    before = owner("GET", path).json()
    for answer in (
        owner("PATCH", path, json={"rhythm": rhythm}),
        owner("POST", CONNECTIONS, json=_ledger("Never", rhythm=rhythm)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
        assert says in answer.text
    assert owner("GET", path).json() == before


def test_a_change_is_in_the_log_with_before_and_after_and_no_change_is_not(
    newcomer: Callable[[], Caller], api_database: Database
) -> None:
    """One that is connected with a rhythm says so too."""
    caller = newcomer()
    path = f"{CONNECTIONS}/{_connected(caller, rhythm=MORNINGS)['id']}"
    for _ in range(2):
        assert caller("PATCH", path, json={"rhythm": {"interval_seconds": 900}}).status_code == 200
    assert caller("PATCH", path, json={"rhythm": {"interval_seconds": 1}}).status_code == 422
    org_id: UUID = caller.tenant.principal.org_id
    with api_database.worker.organisation(org_id) as session:
        changed, created = newest(session, org_id, 10)
    assert created.after["rhythm"] == MORNINGS
    assert (changed.action, changed.subject_id) == ("connection.rhythm_changed", path.rpartition("/")[2])
    assert changed.before == {"rhythm": MORNINGS}
    assert changed.after == {"rhythm": {"interval_seconds": 900}}


def test_a_change_that_says_nothing_new_leaves_the_next_sync_where_it_is(
    newcomer: Callable[[], Caller], api_database: Database
) -> None:
    """Whoever sends the same again puts nothing off."""
    caller = newcomer()
    made = _connected(caller, rhythm={"interval_seconds": 900})
    _read_just_now(api_database, made["id"])
    path = f"{CONNECTIONS}/{made['id']}"
    due = caller("GET", path).json()
    assert caller("PATCH", path, json={"rhythm": {"interval_seconds": 900}}).json() == due
