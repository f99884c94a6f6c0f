"""The organisation one works in, and founding another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.runtime import ApiRuntime
from tests.api.auth.conftest import Browser
from tests.api.tenancy.conftest import Firm


def test_a_new_name_is_seen_by_all_and_the_address_stays(firm: Firm) -> None:
    before = firm.owner("GET", "/api/v1/organisation").json()
    after = firm.owner("PATCH", "/api/v1/organisation", json={"name": "  Morel et filles "})
    assert after.json() == before | {"name": "Morel et filles"}
    assert firm.colleague()("GET", "/api/v1/organisation").json() == after.json()
    (entry,) = firm.audited("organisation.updated")
    assert (entry["before"], entry["after"]) == ({"name": before["name"]}, {"name": "Morel et filles"})
    assert firm.owner("PATCH", "/api/v1/organisation", json={"name": "Morel et filles"}).status_code == 200
    assert len(firm.audited("organisation.updated")) == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "two\nlines", "nul\x00"])
def test_a_name_is_one_line_of_something(firm: Firm, name: str) -> None:
    answer = firm.owner("PATCH", "/api/v1/organisation", json={"name": name})
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")


def test_a_founder_is_its_owner_and_goes_on_in_it(person: Callable[[str], Browser]) -> None:
    """Under a new token; the first organisation is still theirs, and holds nothing of the second."""
    one = person("founder@organisations.example")
    before = dict(one.http.cookies)
    founded = one("POST", "/auth/organisations", json={"name": "Second"})
    assert founded.status_code == 201
    assert dict(one.http.cookies) != before
    me = one("GET", "/auth/me").json()
    assert (me["organisation"]["name"], me["role"]) == ("Second", "OWNER")
    organisations = one("GET", "/auth/session").json()["organisations"]
    assert [organisation["role"] for organisation in organisations] == ["OWNER", "OWNER"]
    entries = one("GET", "/audit").json()["items"]
    assert [entry["action"] for entry in entries] == ["organisation.created"]


def test_nobody_founds_without_signing_in(browser: Callable[[], Browser]) -> None:
    assert browser()("POST", "/auth/organisations", json={"name": "None"}).status_code == 401


def test_an_installation_by_invitation_keeps_to_its_organisations(
    person: Callable[[str], Browser], runtime: ApiRuntime
) -> None:
    one = person("closed@organisations.example")
    with TestClient(create_app(replace(runtime, open_sign_up=False)), cookies=one.http.cookies) as closed:
        one.http = closed
        refused = one("POST", "/auth/organisations", json={"name": "Second"})
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
