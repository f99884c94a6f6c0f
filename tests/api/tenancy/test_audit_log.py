"""Reading the audit log: by those who may, of their own organisation, narrowed and page by page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.cases import POSTGRES_CONFIG
from tests.api.conftest import Caller
from tests.api.tenancy.conftest import Firm, id_of

PATH = "/api/v1/audit"


@pytest.fixture
def busy(firm: Firm) -> Firm:
    """An organisation in which several people did several things."""
    for number in range(3):
        firm.owner("PATCH", "/api/v1/organisation", json={"name": f"Name {number}"})
    firm.colleague()("POST", "/api/v1/keys", json={"name": "Key", "scopes": ["read"]})
    return firm


def _read(caller: Caller, **filters: Any) -> list[dict[str, Any]]:
    answer = caller("GET", PATH, params=filters)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def test_another_organisation_reads_its_own(busy: Firm, other: Caller) -> None:
    """A filter by something of theirs finds nothing here."""
    assert _read(other, subject=str(busy.org_id)) == _read(other, actor=str(id_of(busy.owner))) == []


def test_the_newest_come_first_page_by_page(busy: Firm) -> None:
    found, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = busy.owner("GET", PATH, params=params).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [entry["sequence"] for entry in found] == [4, 3, 2, 1]
    assert found == _read(busy.owner)
    assert found[-1]["after"] == {"name": "Name 0"}
    assert not any("hash" in entry for entry in found)


def test_it_is_narrowed_by_act_actor_object_and_time(busy: Firm) -> None:
    """``from`` is inclusive, ``to`` is not."""

    def numbers(**filters: Any) -> list[int]:
        return [entry["sequence"] for entry in _read(busy.owner, **filters)]

    at = {entry["sequence"]: entry["at"] for entry in _read(busy.owner)}
    assert numbers(action="organisation.updated") == [3, 2, 1]
    assert numbers(actor=str(id_of(busy.owner))) == [3, 2, 1]
    assert numbers(subject=str(busy.org_id), action="api_key.created") == []
    assert numbers(subject=str(busy.org_id)) == [3, 2, 1]
    assert numbers(**{"from": at[2]}) == [4, 3, 2]
    assert numbers(to=at[3]) == [2, 1]
    assert numbers(**{"from": at[2], "to": at[4], "actor": str(id_of(busy.owner))}) == [3, 2]
    assert numbers(**{"from": "2099-01-01T00:00:00Z"}) == []
    assert numbers(to="2099-01-01T00:00:00Z") == [4, 3, 2, 1]
    assert numbers(to="2020-01-01T00:00:00Z") == []


def test_of_a_private_source_it_holds_no_name(firm: Firm) -> None:
    """Those who read the log may not know of it."""
    body = {"connector": "postgres", "name": "Divorce", "visibility": "PRIVATE", "config": POSTGRES_CONFIG}
    assert firm.colleague()("POST", "/api/v1/connections", json=body).status_code == 201
    log = firm.owner("GET", PATH)
    assert log.json()["items"][0]["after"] == {"connector": "postgres", "visibility": "PRIVATE"}
    assert "Divorce" not in log.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "gossip"},
        {"actor": "anne"},
        {"subject": "x"},
        {"from": "yesterday"},
        {"to": "2026-01-01T00:00:00"},
    ],
)
def test_a_filter_that_fits_nothing_is_refused(firm: Firm, wrong: dict[str, str]) -> None:
    refused = firm.owner("GET", PATH, params=wrong)
    assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_ERROR")
