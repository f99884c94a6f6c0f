"""Every list is walked from end to end: all of it, each thing once, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from drovi_api.runtime import ApiRuntime
from tests.api.conftest import Caller
from tests.api.seed import seed_connection, seed_content, seed_job
from tests.conftest import Database

# Ties and undated rows sit on page borders for one limit or another.
DAYS = [3, 1, None, 2, None, 2, 2]


@pytest.fixture
def full(api_database: Database, newcomer: Callable[[], Caller]) -> Caller:
    """The owner of seven of everything."""
    caller = newcomer()
    for number, day in enumerate(DAYS):
        connection_id = seed_connection(api_database, caller.tenant, f"Files {number}")
        seed_content(api_database, caller.tenant, connection_id, f"{number}.pdf", day=day)
        seed_job(api_database, caller.tenant, connection_id)
    return caller


def walk(caller: Caller, path: str, limit: int) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        parameters = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = caller("GET", path, params=parameters).json()
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


@pytest.mark.parametrize("path", ["connections", "items", "objects", "jobs"])
def test_a_walk_meets_everything_once_and_in_the_same_order(full: Caller, path: str) -> None:
    whole = walk(full, f"/api/v1/{path}", 200)
    assert len({item["id"] for item in whole}) == len(DAYS)
    for limit in (1, 2, 3, 6, 7):
        assert walk(full, f"/api/v1/{path}", limit) == whole


def test_items_come_latest_first_and_undated_before_all(full: Caller) -> None:
    moments = [item["occurred_at"] for item in walk(full, "/api/v1/items", 2)]
    assert moments[:2] == [None, None]
    assert moments[2:] == sorted(moments[2:], reverse=True)


def test_blocks_come_in_reading_order(full: Caller) -> None:
    document_id = walk(full, "/api/v1/objects", 200)[0]["document_id"]
    blocks = walk(full, f"/api/v1/documents/{document_id}/blocks", 1)
    assert [block["ordinal"] for block in blocks] == [0, 1]


def test_rows_that_arrive_meanwhile_neither_repeat_nor_hide_others(
    full: Caller, api_database: Database
) -> None:
    """A cursor is a place in the order, not a count."""
    first = full("GET", "/api/v1/connections", params={"limit": 3}).json()
    seed_connection(api_database, full.tenant, "Newer than all")
    second = full("GET", "/api/v1/connections", params={"limit": 200, "cursor": first["next_cursor"]}).json()
    names = [item["name"] for item in first["items"] + second["items"]]
    assert names == [f"Files {number}" for number in reversed(range(len(DAYS)))]


def test_a_cursor_of_another_list_is_refused(full: Caller) -> None:
    cursor = full("GET", "/api/v1/items", params={"limit": 1}).json()["next_cursor"]
    response = full("GET", "/api/v1/connections", params={"cursor": cursor})
    assert (response.status_code, response.json()["code"]) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize("path", ["connections", "items", "objects", "jobs"])
def test_a_page_costs_the_same_queries_however_long_it_is(
    full: Caller, runtime: ApiRuntime, path: str
) -> None:
    """No query per row."""
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = runtime.database._engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        counts = []
        for limit in (1, 7):
            statements.clear()
            full("GET", f"/api/v1/{path}", params={"limit": limit})
            counts.append(len(statements))
    finally:
        event.remove(engine, "before_cursor_execute", count)
    assert counts[0] == counts[1] <= 3
