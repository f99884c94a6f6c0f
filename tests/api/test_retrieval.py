"""Find, ask and evidence: what is found can be opened, what is answered can be shown, and only by its readers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.limits import Gate
from drovi_api.runtime import ApiRuntime
from tests.api.conftest import Caller, World
from tests.api.seed import QUOTE, START, TEXT

QUESTION = "When shall the seller deliver the audited accounts?"


def test_what_is_found_can_be_opened(owner: Caller, world: World) -> None:
    (first, *_) = owner("POST", "/api/v1/find", json={"query": "audited accounts", "limit": 3}).json()[
        "results"
    ]
    assert set(first) == {"kind", "id", "title", "path", "score", "snippet", "page"}
    assert "audited accounts" in first["snippet"]
    document = owner("GET", f"/api/v1/documents/{first['id']}").json()
    assert document["path"] == first["path"]
    assert document["pages"] == [{"number": 1, "width": 595.0, "height": 842.0}]


def test_a_search_is_narrowed(owner: Caller, world: World) -> None:
    def paths(**filters: object) -> set[str]:
        response = owner("POST", "/api/v1/find", json={"query": "audited accounts", **filters})
        return {one["path"] for one in response.json()["results"]}

    assert paths() == {"contract.pdf", "private.pdf"}
    assert paths(path="contract.pdf") == {"contract.pdf"}
    assert paths(kinds=["message"]) == set()
    assert paths(until="2020-01-01T00:00:00Z") == set()


def test_an_answer_shows_its_evidence(owner: Caller, world: World) -> None:
    """Each citation's id opens the exact words in their passage, on their page."""
    answer = owner("POST", "/api/v1/ask", json={"question": QUESTION, "path": "contract.pdf"}).json()
    assert set(answer) == {"answer", "refused", "citations", "searched", "latency_ms"}
    assert not answer["refused"]
    for citation in answer["citations"]:
        shown = owner("GET", f"/api/v1/evidence/{citation['evidence_id']}").json()
        assert shown.items() >= citation.items()
        assert shown["quote"] == TEXT[shown["start"] : shown["end"]]
        start = shown["start"] - shown["passage_start"]
        assert shown["passage"][start : start + len(shown["quote"])] == shown["quote"]
        assert shown["page_size"] == {"width": 595.0, "height": 842.0}


def test_what_nothing_answers_is_refused(owner: Caller, world: World) -> None:
    answer = owner("POST", "/api/v1/ask", json={"question": "Who won the regatta in Sydney?"}).json()
    assert answer["refused"]
    assert answer["citations"] == []
    assert answer["answer"] == "I can't find evidence for this."


def test_a_citation_is_shown_to_its_readers_only(
    owner: Caller, member: Caller, other: Caller, world: World
) -> None:
    """Its id says where the words stand, which opens nothing by itself."""
    span = f"{world.private.chunk_id}:{START}-{START + len(QUOTE)}"
    assert owner("GET", f"/api/v1/evidence/{span}").json()["quote"] == QUOTE
    assert member("GET", f"/api/v1/evidence/{span}").status_code == 404
    assert other("GET", f"/api/v1/evidence/{span}").status_code == 404


def test_private_words_answer_nobody_else(member: Caller, world: World) -> None:
    found = member("POST", "/api/v1/find", json={"query": "audited accounts"}).json()["results"]
    assert {one["path"] for one in found} == {"contract.pdf"}


def test_an_object_comes_with_its_evidence(owner: Caller, world: World) -> None:
    found = owner("GET", f"/api/v1/objects/{world.shared.object_id}").json()
    (evidence,) = found["evidence"]
    assert found["kind"] == "commitment"
    assert found["slots"]["due"] == "2026-06-30"
    assert evidence == {
        "evidence_id": str(world.shared.evidence_id),
        "quote": QUOTE,
        "path": "contract.pdf",
        "page": 1,
        "boxes": [[72.0, 100.0, 500.0, 112.0]],
        "start": START,
        "end": START + len(QUOTE),
    }


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"kind": "commitment"}, 2),
        ({"kind": "risk"}, 0),
        ({"min_confidence": 0.95}, 0),
        ({"as_of": "2020-01-01T00:00:00Z"}, 0),
    ],
)
def test_objects_are_narrowed(owner: Caller, world: World, filters: dict[str, str], found: int) -> None:
    """``as_of`` asks what was known at that moment."""
    assert len(owner("GET", "/api/v1/objects", params=filters).json()["items"]) == found


def test_objects_of_one_document(owner: Caller, world: World) -> None:
    response = owner("GET", "/api/v1/objects", params={"document_id": str(world.shared.document_id)})
    assert [one["id"] for one in response.json()["items"]] == [str(world.shared.object_id)]


def test_an_item_shows_what_it_came_as_and_its_files(owner: Caller, world: World) -> None:
    item = owner("GET", f"/api/v1/items/{world.shared.item_id}").json()
    assert item["payload"] == '{"size":1}'
    assert [document["id"] for document in item["documents"]] == [str(world.shared.document_id)]


def test_blocks_hold_the_documents_words(owner: Caller, world: World) -> None:
    blocks = owner("GET", f"/api/v1/documents/{world.shared.document_id}/blocks").json()["items"]
    assert [block["kind"] for block in blocks] == ["title", "paragraph"]
    for block in blocks:
        assert block["text"] == TEXT[block["start"] : block["end"]]


def test_more_questions_than_can_be_answered_are_asked_to_come_back(
    runtime: ApiRuntime, owner: Caller
) -> None:
    gate = Gate(places=1, wait_seconds=0)
    busy = replace(runtime, thinking=gate)
    with TestClient(create_app(busy)) as client, gate.admitted():
        for path, body in (("find", {"query": "x"}), ("ask", {"question": "x"})):
            response = Caller(client, owner.tenant)("POST", f"/api/v1/{path}", json=body)
            assert (response.status_code, response.json()["code"]) == (429, "RATE_LIMITED")
            assert response.headers["retry-after"] == "2"
