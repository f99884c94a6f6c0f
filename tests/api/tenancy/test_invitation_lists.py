"""A whole firm invited from a spreadsheet: every row has its answer, and none costs the others anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from drovi_api.runtime import ApiRuntime
from drovi_api.tenancy.invitations.schemas import MAX_TABLE
from resources.tenancy import Role
from tests.api.auth.conftest import PASSWORD, Browser, Letters
from tests.api.conftest import Caller
from tests.api.tenancy.conftest import Firm

BULK = "/api/v1/invitations/bulk"


def _upload(caller: Caller, table: str) -> dict[str, Any]:
    answer = caller("POST", BULK, json={"csv": table})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_every_row_has_its_answer_and_a_bad_one_stops_no_other(firm: Firm, letters: Letters) -> None:
    member = firm.colleague()("GET", "/api/v1/auth/me").json()["user"]["email"]
    firm.set_policies(allowed_email_domains=["bulk.example", "colleagues.example"])
    firm.owner("POST", "/api/v1/invitations", json={"email": "known@bulk.example", "role": "VIEWER"})
    first = letters.token("known@bulk.example")
    admin = firm.colleague(Role.ADMIN)
    report = _upload(
        admin,
        "\ufeffCourriel;Rôle;Nom\r\n"
        "Anne@Bulk.example;membre;Anne Morel\r\n"
        "known@bulk.example;ADMIN;\r\n"
        f"{member};MEMBER;\r\n"
        "anne@bulk.example;ADMIN;Anne again\r\n"
        "not an address;MEMBER;\r\n"
        "boss@bulk.example;boss;\r\n"
        "\r\n"
        "partner@bulk.example;OWNER;\r\n"
        "guest@elsewhere.example;VIEWER;\r\n"
        "last@bulk.example;VIEWER;\r\n",
    )
    assert [(row["row"], row["outcome"]) for row in report["rows"]] == [
        (2, "invited"),
        (3, "resent"),
        (4, "already_member"),
        (5, "duplicate"),
        (6, "invalid_address"),
        (7, "invalid_role"),
        (9, "role_not_allowed"),
        (10, "domain_not_allowed"),
        (11, "invited"),
    ]
    assert (report["invited"], report["resent"], report["refused"]) == (2, 1, 6)
    assert report["rows"][0]["email"] == "Anne@Bulk.example"
    assert all(row["detail"] for row in report["rows"])
    stands = {item["email"]: item for item in firm.owner("GET", "/api/v1/invitations").json()["items"]}
    assert stands.keys() == {"anne@bulk.example", "known@bulk.example", "last@bulk.example"}
    assert (stands["anne@bulk.example"]["name"], stands["known@bulk.example"]["role"]) == (
        "Anne Morel",
        "ADMIN",
    )
    assert letters.token("known@bulk.example") != first
    assert [len(letters.to(f"{who}@bulk.example")) for who in ("anne", "known", "last", "partner")] == [
        1,
        2,
        1,
        0,
    ]
    entries = firm.audited("member.invited")
    assert sorted(entry["after"]["email"] for entry in entries[:3]) == sorted(stands)


def test_an_owners_invitation_is_left_alone_by_administrators(firm: Firm) -> None:
    """In a list too: it would else become one to another role."""
    firm.owner("POST", "/api/v1/invitations", json={"email": "partner@bulk.example", "role": "OWNER"})
    report = _upload(firm.colleague(Role.ADMIN), "email,role\npartner@bulk.example,VIEWER\n")
    assert [row["outcome"] for row in report["rows"]] == ["role_not_allowed"]
    assert firm.owner("GET", "/api/v1/invitations").json()["items"][0]["role"] == "OWNER"


def test_two_hundred_and_fifty_seats_cost_as_many_statements_as_one(
    firm: Firm, runtime: ApiRuntime, letters: Letters, browser: Callable[[], Browser]
) -> None:
    """No query a row; and the last of them can come in."""
    counts = []
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = runtime.database._engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        for seats in (1, 250):
            table = "".join(f"{seats}-{n}@seats.example,MEMBER,Seat {n}\n" for n in range(seats))
            statements.clear()
            assert _upload(firm.owner, "email,role,name\n" + table)["invited"] == seats
            counts.append(len(statements))
    finally:
        event.remove(engine, "before_cursor_execute", count)
    assert counts[0] == counts[1] <= 8
    assert len(firm.audited("member.invited")) == 50  # a page of them
    last = browser()
    body = {"token": letters.token("250-249@seats.example"), "name": "Seat", "password": PASSWORD}
    assert last("POST", "/auth/invitations/accept", json=body).status_code == 200
    letters.forget()


@pytest.mark.parametrize(
    "table", ["", "who,what\na,b\n", "email,role\n" + "a@b.example,VIEWER\n" * 501, "x" * (MAX_TABLE + 1)]
)
def test_what_is_no_table_of_people_is_refused_whole(firm: Firm, table: str) -> None:
    refused = firm.owner("POST", BULK, json={"csv": table})
    assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_ERROR")
    assert firm.owner("GET", "/api/v1/invitations").json()["items"] == []


def test_how_many_lists_an_organisation_sends_is_bounded(firm: Firm) -> None:
    statuses = [firm.owner("POST", BULK, json={"csv": "email,role\n"}).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
