"""Words planted in a private source, looked for through every way there is to read, by everybody who may not.

Nothing of it appears in an answer, an error, a stream, a log line or the audit log; its owner finds it all, which
shows that the search would have seen it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from drovi_api.app import create_app
from drovi_api.runtime import ApiRuntime
from tests.api.conftest import Caller
from tests.api.live import Watcher, eventually, served
from tests.api.visibility.conftest import Firm
from tests.api.visibility.planted import CANARY, SHOWN_TO_ITS_OWNER, Planted, plant, walk, word


@pytest.fixture
def planted(firm: Firm) -> Planted:
    return plant(firm)


def leaks(caller: Caller, planted: Planted, **how: Any) -> set[str]:
    """Operations whose answer holds a planted word; a server's fault counts, since it says nothing either way."""
    return {
        asked.operation_id
        for asked in walk(caller, planted, **how)
        if CANARY in asked.told or asked.response.status_code >= 500
    }


@pytest.mark.parametrize("who", ["head", "member", "viewer"])
def test_colleagues_find_nothing_of_it(
    firm: Firm, planted: Planted, json_log: Callable[[], list[dict[str, Any]]], who: str
) -> None:
    """Whatever their role: the firm's owner too, who does not own the source."""
    assert leaks(getattr(firm, who), planted, hints=False) == set()
    assert CANARY not in str(json_log()).lower()


def test_another_organisation_and_a_stranger_find_nothing_of_it(
    other: Caller, stranger: Caller, planted: Planted
) -> None:
    for caller in (other, stranger):
        assert leaks(caller, planted, hints=False, safe_only=caller is other) == set()


def test_its_owner_finds_all_of_it(
    firm: Firm, planted: Planted, json_log: Callable[[], list[dict[str, Any]]]
) -> None:
    """The same requests, so they would have shown it; the log does not repeat it for its owner either."""
    told = " ".join(asked.told for asked in walk(firm.owner, planted, hints=False, safe_only=True))
    assert {place for place in SHOWN_TO_ITS_OWNER if word(place) not in told} == set()
    found = firm.owner("POST", "/api/v1/find", json={"query": word("quote")}).text
    assert word("quote") in found
    assert CANARY not in str(json_log()).lower()


def test_who_shares_it_and_takes_it_back_left_nothing_behind(firm: Firm, planted: Planted) -> None:
    """In between it is read; afterwards not a word is left, in the audit log either."""
    firm.set_visibility(firm.owner, planted.seeded.connection_id, "ORG_SHARED")
    assert leaks(firm.member, planted, hints=True, safe_only=True) >= {"find", "get_document", "list_jobs"}
    firm.set_visibility(firm.owner, planted.seeded.connection_id, "PRIVATE")
    for colleague in firm.colleagues:
        assert leaks(colleague, planted, hints=True, safe_only=True) == set()
    assert CANARY not in str(firm.audited()).lower()


def test_streams_tell_its_owner_and_nobody_else(
    firm: Firm, planted: Planted, other: Caller, runtime: ApiRuntime
) -> None:
    with served(create_app(runtime)) as port:
        callers = (firm.owner, *firm.colleagues, other)
        own, *others = watchers = [
            Watcher(port, {"Authorization": f"Bearer {caller.tenant.key}"}) for caller in callers
        ]
        with firm.database.worker.dispatch() as session:
            session.execute(
                text("UPDATE connection SET status_detail = :words WHERE id = :id"),
                {"words": word("again"), "id": planted.seeded.connection_id},
            )
        assert eventually(lambda: word("again") in own.text)
        assert word("detail") in own.text
        assert eventually(lambda: all(one.of(firm.shared.connection_id) for one in others[:-1]))
        assert [CANARY in one.text for one in others] == [False] * 4
        for watcher in watchers:
            watcher.close()


@pytest.mark.parametrize("who", ["head", "member", "viewer"])
def test_a_guess_is_answered_as_a_wrong_guess_is(firm: Firm, planted: Planted, who: str) -> None:
    """Whoever knows a word of it, its name or a path cannot even learn that it is there: by searching, by filters,
    by counts, by scores, by a name that would be taken."""
    caller = getattr(firm, who)

    def answers(guess: str) -> list[Any]:
        """What the caller is told, with the guess itself left out."""
        requests = (
            ("/api/v1/find", {"query": guess}),
            ("/api/v1/find", {"query": f"audited accounts {guess}"}),
            ("/api/v1/find", {"query": f"the seller shall deliver {guess}", "limit": 50}),
            ("/api/v1/find", {"query": "audited accounts", "path": f"{guess}path"}),
            ("/api/v1/ask", {"question": f"When shall the seller deliver {guess}?"}),
        )
        told = []
        for path, body in requests:
            answer = caller("POST", path, json=body)
            told.append((answer.status_code, _plain(answer.json(), guess)))
        return told

    for place in ("quote", "title", "path", "name"):
        guess = word(place)
        # A word that is nowhere, of the same length and beginning: what differs is that the other one is there.
        assert answers(guess) == answers(f"{guess[:-1]}x")


def _plain(body: Any, guess: str) -> Any:
    """Without what differs from one request to the next, and without the guess."""
    body.pop("latency_ms", None)
    return str(body).replace(guess, "…")
