"""How each operation is asked, for the tests of the boundary.

An operation that has a case in ``tests/api/cases.py`` is asked as that says. It needs an entry here where more than
one request shows what it can (filters, cursors, several words), where it signs people in or out, or where it streams.
An operation with neither has no coverage, and the tests fail.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import uuid4

from tests.api.boundary.operations import Fill, Operation
from tests.api.boundary.sides import SHARED_WORDS, Side
from tests.api.cases import CASES, Case, Reach

_numbers = itertools.count()


class Kind(Enum):
    """What an operation does, which decides how it is tried."""

    READ = "its answer is recorded, and must stay as it was"
    WRITE = "one tenant does it, the other must not notice"
    STREAM = "it is kept open while the other tenant acts"
    OPEN = "it answers everybody alike"


@dataclass(frozen=True, slots=True)
class Maker:
    """``fills`` makes the requests of one side, anew each time.

    ``forms`` are the shapes in which a slot takes an id, where it is not the id alone. ``stage`` orders what
    a side does: what ends its own session or more comes after all else, and is done once. ``refused``: it cannot succeed here, for the reason given.
    """

    kind: Kind
    fills: Callable[[Side], Sequence[Fill]] = lambda _: [Fill()]
    forms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stage: int = 0
    refused: str = ""


def _body(make: Callable[[Side], Any]) -> Callable[[Side], Sequence[Fill]]:
    return lambda side: [Fill(body=make(side))]


def _queries(*queries: Mapping[str, Any]) -> Callable[[Side], Sequence[Fill]]:
    return lambda _: [Fill(query=query) for query in queries]


def _new_person(side: Side) -> str:
    email = f"new-{next(_numbers)}@{side.word.lower()}.example"
    side.browser.http.post("/api/v1/auth/sign-up", json={"email": email}, headers={"cookie": ""})
    return email


def _account(side: Side) -> dict[str, Any]:
    token = side.letters.token(_new_person(side))
    name = f"Cabinet {side.word} {next(_numbers)}"
    return {"token": token, "name": "Paul Roux", "password": side.password, "organisation_name": name}


def _another_session(side: Side) -> Sequence[Fill]:
    side.ground.client.post(
        "/api/v1/auth/sign-in", json={"email": side.browser.email, "password": side.password}
    )
    listed = side.browser("GET", "/auth/sessions").json().get("items", [])
    ids = [one["id"] for one in listed if not one["current"]] or [str(uuid4())]
    return [Fill(path={"session_id": ids[0]})]


def _reset(side: Side) -> dict[str, Any]:
    side.browser("POST", "/auth/password/forgotten", json={"email": side.browser.email})
    return {"token": side.letters.token(side.browser.email), "password": side.password}


_SEARCHES = ("audited accounts", SHARED_WORDS, "escrow kept by the notary", "seller", "ombudsman")

MAKERS: Mapping[str, Maker] = {
    "sign_up": Maker(Kind.WRITE, _body(lambda side: {"email": f"n{next(_numbers)}@{side.word.lower()}.example"})),
    "complete_sign_up": Maker(Kind.WRITE, _body(_account)),
    "sign_in": Maker(Kind.WRITE, _body(lambda side: {"email": side.browser.email, "password": side.password})),
    "give_second_factor": Maker(
        Kind.WRITE, _body(lambda _: {"ticket": "t" * 43, "code": "123456"}), refused="nobody has a factor"
    ),
    "sign_out": Maker(Kind.WRITE, stage=2),
    "get_session": Maker(Kind.READ),
    "switch_organisation": Maker(Kind.WRITE, _body(lambda side: {"organisation_id": str(side.org_id)})),
    "list_sessions": Maker(Kind.READ),
    "revoke_session": Maker(Kind.WRITE, _another_session),
    "revoke_other_sessions": Maker(Kind.WRITE),
    "forgot_password": Maker(Kind.WRITE, _body(lambda side: {"email": side.browser.email})),
    "reset_password": Maker(Kind.WRITE, _body(_reset), stage=3),
    "change_password": Maker(
        Kind.WRITE,
        _body(lambda side: {"current_password": side.password, "new_password": f"{side.password}, still"}),
        stage=1,
    ),
    "find": Maker(
        Kind.READ,
        lambda _: [
            *(Fill(body={"query": words, "limit": 100}) for words in _SEARCHES),
            Fill(body={"query": SHARED_WORDS, "kinds": ["document"], "path": "contract.pdf"}),
        ],
    ),
    "ask": Maker(Kind.READ, lambda _: [Fill(body={"question": f"{words}?"}) for words in _SEARCHES]),
    "list_connections": Maker(Kind.READ, _queries({}, {"limit": 1})),
    "list_items": Maker(Kind.READ, _queries({}, {"limit": 2}, {"kind": "document"})),
    "list_objects": Maker(Kind.READ, _queries({}, {"limit": 2}, {"kind": "commitment"}, {"min_confidence": 0.95})),
    "list_jobs": Maker(Kind.READ, _queries({}, {"status": "queued"})),
    "get_evidence": Maker(
        Kind.READ,
        lambda side: [
            Fill(path={"evidence_id": str(side.world.shared.evidence_id)}),
            Fill(path={"evidence_id": f"{side.world.shared.chunk_id}:0-10"}),
        ],
        forms={"path.evidence_id": ("{}", "{}:0-10")},
    ),
}  # fmt: skip


class Uncovered(AssertionError):
    """An operation of the OpenAPI document that nobody said how to ask."""


def makers_for(operations: Mapping[str, Operation], planted: Mapping[str, Maker]) -> dict[str, Maker]:
    """A maker for every operation of the document.

    Raises:
        Uncovered: there is none for one of them, or it leaves a parameter of the path open.
    """
    known = {case.operation_id: case for case in CASES}
    makers = {}
    for name, operation in operations.items():
        maker = planted.get(name) or MAKERS.get(name)
        if maker is None and operation.streams and not operation.ids:
            maker = Maker(Kind.STREAM)
        if maker is None and name in known and known[name].reach is not Reach.ENTRANCE:
            maker = _of_case(known[name], operation)
        if maker is None:
            raise Uncovered(
                f"{name}: add a case to tests/api/cases.py, or a maker to tests/api/boundary/makers.py"
            )
        makers[name] = maker
    return makers


def _of_case(case: Case, operation: Operation) -> Maker:
    named = [slot.name for slot in operation.ids if slot.place == "path"]
    if len(named) > 1:
        raise Uncovered(f"{case.operation_id}: its path names several things, so it takes a maker of its own")

    def fills(side: Side) -> Sequence[Fill]:
        path = {name: str(case.subject(side.world)) for name in named}
        return [Fill(path=path, body=case.body())]

    kind = Kind.OPEN if case.reach is Reach.OPEN else Kind.WRITE if case.writes else Kind.READ
    return Maker(kind, fills)
