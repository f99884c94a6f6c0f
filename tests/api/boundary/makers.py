"""How each operation is asked, for the tests of the boundary.

An operation that has a case in ``tests/api/cases.py`` is asked as that says. It needs an entry here where more than
one request shows what it can (filters, cursors, several words), where it signs people in or out, or where it streams.
An operation with neither has no coverage, and the tests fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from secrets import token_hex
from typing import Any

from resources.audit import Action
from tests.api.boundary import acts
from tests.api.boundary.operations import Fill, Operation
from tests.api.boundary.sides import SHARED_WORDS, Side
from tests.api.case import Case, Reach
from tests.api.cases import CASES


class Kind(Enum):
    """What an operation does, which decides how it is tried."""

    READ = "its answer is recorded, and must stay as it was"
    WRITE = "one tenant does it, the other must not notice"
    STREAM = "it is kept open while the other tenant acts"
    OPEN = "it answers everybody alike"


@dataclass(frozen=True, slots=True)
class Maker:
    """``fills`` makes the requests of one side, anew each time.

    ``forms`` are the shapes in which a slot takes an id or a word, where it is not that alone; ``also`` makes values
    beside ids that a slot is tried with, a side's own or, for None, one that nobody has. ``stage`` orders what a side
    does, ``after`` makes good what it ended. ``stir`` makes something happen that a stream has to tell its own side of,
    and returns the words to wait for. ``refused``: it cannot succeed here, for the reason given.
    """

    kind: Kind
    fills: Callable[[Side], Sequence[Fill]] = lambda _: [Fill()]
    forms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    also: Mapping[str, Callable[[Side | None], str]] = field(default_factory=dict)
    stage: int = 0
    after: Callable[[Side], object] = lambda _: None
    stir: Callable[[Side], str] = lambda _: ""
    refused: str = ""


def _body(make: Callable[[Side], Any]) -> Callable[[Side], Sequence[Fill]]:
    return lambda side: [Fill(body=make(side))]


def _queries(*queries: Mapping[str, Any]) -> Callable[[Side], Sequence[Fill]]:
    return lambda _: [Fill(query=query) for query in queries]


_SEARCHES = ("audited accounts", SHARED_WORDS, "escrow kept by the notary", "seller", "ombudsman")

# Each recording downloads; and who is tried as an owner from outside is for the owner's organisation to know.
_NEVER_TWICE_THE_SAME = {Action.EXPORT_DOWNLOADED, Action.SESSION_FAILED, Action.PASSWORD_RESET_REQUESTED}
_NO_PROVIDER = "no OpenID provider is configured"

MAKERS: Mapping[str, Maker] = {
    "sign_up": Maker(Kind.WRITE, _body(lambda side: {"email": acts.address(side)})),
    "complete_sign_up": Maker(Kind.WRITE, _body(acts.account)),
    "sign_in": Maker(Kind.WRITE, _body(lambda side: {"email": side.browser.email, "password": side.password})),
    "get_single_sign_on": Maker(Kind.READ),
    "start_single_sign_on": Maker(Kind.WRITE, refused=_NO_PROVIDER),
    "finish_single_sign_on": Maker(Kind.WRITE, refused=_NO_PROVIDER),
    "get_session": Maker(Kind.READ),
    "switch_organisation": Maker(Kind.WRITE, _body(lambda side: {"organisation_id": str(side.org_id)})),
    "list_sessions": Maker(Kind.READ),
    "revoke_session": Maker(Kind.WRITE, acts.another_session),
    "revoke_other_sessions": Maker(Kind.WRITE),
    "forgot_password": Maker(Kind.WRITE, _body(lambda side: {"email": side.browser.email})),
    "get_second_factor": Maker(Kind.READ),
    "begin_second_factor": Maker(Kind.WRITE, _body(lambda side: {"password": side.password})),
    "update_profile": Maker(Kind.WRITE, _body(lambda side: {"name": f"Anne {side.silent}", "locale": "fr"})),
    "preview_invitation": Maker(Kind.READ, _body(lambda side: {"token": side.invitation})),
    "accept_invitation": Maker(Kind.WRITE, _body(acts.acceptance)),
    "found_organisation": Maker(
        Kind.WRITE, _body(lambda side: {"name": f"Second {side.word}"}), after=Side.come_back
    ),
    "request_email_change": Maker(
        Kind.WRITE, _body(lambda side: {"email": acts.address(side), "password": side.password})
    ),
    # One after the other: each needs what the one before it left.
    "confirm_second_factor": Maker(Kind.WRITE, _body(acts.first_code), stage=1),
    "give_second_factor": Maker(Kind.WRITE, _body(acts.ticket), stage=2),
    "renew_recovery_codes": Maker(Kind.WRITE, _body(acts.proof), stage=2),
    "disable_second_factor": Maker(Kind.WRITE, _body(acts.proof), stage=3),
    "confirm_email_change": Maker(Kind.WRITE, _body(acts.new_address), stage=4),
    "change_password": Maker(
        Kind.WRITE,
        _body(lambda side: {"current_password": side.password, "new_password": f"{side.password}, still"}),
        stage=5,
    ),
    "reset_password": Maker(Kind.WRITE, _body(acts.reset), stage=6, after=Side.come_back),
    "sign_out": Maker(Kind.WRITE, stage=7, after=Side.come_back),
    "change_member_role": Maker(Kind.WRITE, acts.a_colleague({"role": "VIEWER"})),
    "remove_member": Maker(Kind.WRITE, acts.a_colleague()),
    "leave_organisation": Maker(Kind.WRITE, acts.leaving),
    "list_members": Maker(Kind.READ, _queries({}, {"limit": 1})),
    "invite_members": Maker(
        Kind.WRITE,
        _body(lambda side: {"csv": f"email,role\n{acts.address(side)},VIEWER\n"}),
        forms={"body.csv": ("email,role\n{},VIEWER\n",)},
    ),
    "list_invitations": Maker(Kind.READ, _queries({}, {"limit": 1})),
    "resend_invitation": Maker(Kind.WRITE, acts.an_invitation),
    "revoke_invitation": Maker(Kind.WRITE, acts.an_invitation),
    "revoke_api_key": Maker(Kind.WRITE, acts.a_key),
    "list_audit_entries": Maker(
        Kind.READ,
        _queries(*({"action": one, "limit": 200} for one in Action if one not in _NEVER_TWICE_THE_SAME)),
    ),
    "watch_connections": Maker(
        Kind.STREAM, lambda _: [Fill(), Fill(headers={"Last-Event-ID": "0"})], stir=acts.pause
    ),
    "receive_webhook": Maker(Kind.WRITE, acts.a_push),
    "delete_connection": Maker(
        Kind.WRITE, lambda side: [Fill(path={"connection_id": str(side.world.spare_id)})], stage=1
    ),
    "place_hold": Maker(
        Kind.WRITE,
        _body(lambda side: {"reason": f"{side.word} v. {side.silent}", "connection_id": str(side.files)}),
    ),
    "schedule_organisation_erasure": Maker(Kind.WRITE, _body(acts.its_own_end), stage=1),
    "call_off_organisation_erasure": Maker(Kind.WRITE, stage=2),
    "download_export_part": Maker(
        Kind.READ,
        lambda side: [
            Fill(path={"export_id": str(side.world.duties.export_id), "name": name})
            for name in ("document.jsonl", "members.csv", f"file-{side.blob}")
        ],
        also={"path.name": lambda side: f"file-{side.blob if side else token_hex(32)}"},
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
    "list_jobs": Maker(Kind.READ, _queries({}, {"status": "queued"}, {"kind": "sync"})),
    "cancel_job": Maker(Kind.WRITE, acts.a_sync),
    "retry_job": Maker(Kind.WRITE, acts.a_cancelled_sync),
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
        if maker is None and name in known and known[name].reach not in {Reach.ENTRANCE, Reach.SIGNED}:
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
