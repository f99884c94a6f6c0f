"""What a caller may not see is not found, not quoted, not counted and not shown; what they may see is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from sqlalchemy import insert, text, update

from drovi_assets.retrieval.answer import ask
from drovi_assets.retrieval.cite import resolve, span_id
from drovi_assets.retrieval.search import Filters, find, search
from resources import audiences
from resources.errors import NotFound
from resources.organisations import principal_of
from resources.schema import app_user, document, membership
from resources.tenancy import Principal
from tests.fakes.corpus import WordVectors, add_object, connect, index, write

EMBEDDER = WordVectors()
SHARED = [
    "The office lease runs until 31 March 2027.",
    "The landlord accepted a monthly rent of 4,200 euros for the Lyon office on 12 March 2024.",
]
SECRET = [
    "The merger with Bertrand closes at midnight. The price is 12 million euros for the canary project."
]
QUESTION = "What is the price of the canary project?"


@dataclass(frozen=True)
class World:
    """Two members of one firm and one of another; a shared file, one of the owner's own, one of the other firm."""

    database: object
    owner: Principal
    colleague: Principal
    stranger: Principal
    shared: object
    secret: object
    promise: UUID


@pytest.fixture
def world(database, tenant) -> World:
    from tests.conftest import make_tenant

    worker, org_id = database.worker, tenant.principal.org_id
    with worker.dispatch() as session:
        colleague_id = session.execute(
            insert(app_user).values(email="colleague@example.org", name="C").returning(app_user.c.id)
        ).scalar_one()
    with worker.organisation(org_id) as session:
        session.execute(insert(membership).values(org_id=org_id, user_id=colleague_id, role="MEMBER"))
        everyone = audiences.of_organisation(session, org_id)
        own = audiences.of_members(session, org_id, [tenant.principal.user_id])
    files = connect(worker, tenant.principal, everyone)
    with worker.organisation(org_id) as session:
        shared = write(session, org_id, files, everyone, path="lease.txt", paragraphs=SHARED)
        secret = write(session, org_id, files, own, path="merger.txt", paragraphs=SECRET)
        promise = add_object(
            session, org_id, everyone, shared, kind="decision", quote="accepted a monthly rent of 4,200 euros"
        )
        add_object(session, org_id, own, secret, kind="commitment", quote="closes at midnight")
        index(session, org_id, shared)
        index(session, org_id, secret)
    other = make_tenant(database, "Autre Cabinet").principal
    with worker.organisation(other.org_id) as session:
        theirs = audiences.of_organisation(session, other.org_id)
    elsewhere = connect(worker, other, theirs)
    with worker.organisation(other.org_id) as session:
        index(
            session,
            other.org_id,
            write(session, other.org_id, elsewhere, theirs, path="menu.txt", paragraphs=["Soup at noon."]),
        )
    return World(
        database,
        principal_of(worker, org_id, tenant.principal.user_id),
        principal_of(worker, org_id, colleague_id),
        principal_of(worker, other.org_id, other.user_id),
        shared,
        secret,
        promise,
    )


def test_the_best_chunk_comes_first_with_its_place(world) -> None:
    with world.database.app.acting_as(world.owner) as session:
        hits = search(session, world.owner.org_id, "monthly rent Lyon", embedder=EMBEDDER)
    assert hits[0].text == SHARED[1]
    assert world.shared.text[hits[0].start : hits[0].end] == hits[0].text
    assert 0 < hits[-1].score <= hits[0].score <= 1
    assert "rent" in hits[0].snippet


@pytest.mark.parametrize("who", ["colleague", "stranger"])
@pytest.mark.parametrize("query", [QUESTION, "merger Bertrand midnight", "canary"])
def test_a_private_chunk_reaches_nobody_else(world, who: str, query: str) -> None:
    caller = getattr(world, who)
    with world.database.app.acting_as(caller) as session:
        hits = search(session, caller.org_id, query, embedder=EMBEDDER, limit=50)
        found = find(session, caller.org_id, query, embedder=EMBEDDER, limit=50)
        answer = ask(session, caller.org_id, query, embedder=EMBEDDER)
    seen = repr(hits) + repr(found) + repr(answer.citations) + answer.answer
    assert not any(word in seen for word in ("canary", "Bertrand", "midnight", "merger.txt"))
    assert answer.searched == len(hits) == {"colleague": 2, "stranger": 1}[who]


@pytest.mark.parametrize("who", ["colleague", "stranger"])
def test_a_private_chunk_is_not_returned_by_the_functions_themselves(world, who: str) -> None:
    """The functions run past row-level security, so their own predicate is put to the test, with borrowed hashes."""
    from drovi_assets.retrieval.search import prepare

    query = prepare(world.owner.org_id, QUESTION, EMBEDDER)
    parameters = {
        "terms": list(query.hashes),
        "words": list(query.words),
        "vector": query.vector,
        "model": query.model,
    }
    secret = {one.chunk_id for one in world.secret.chunks}
    with world.database.app.acting_as(getattr(world, who)) as session:
        for call in (
            "search_lexical(CAST(:terms AS integer[]), CAST(:words AS integer[]), 1000)",
            "search_semantic(CAST(:vector AS halfvec), :model, 1000)",
            "search_semantic(CAST(:vector AS halfvec), :model, 1000, 0)",  # through the approximate index
        ):
            rows = session.execute(text(f"SELECT chunk_id FROM {call}"), parameters).scalars().all()
            assert not secret.intersection(rows), call


def test_the_owner_finds_their_own(world) -> None:
    with world.database.app.acting_as(world.owner) as session:
        answer = ask(session, world.owner.org_id, QUESTION, embedder=EMBEDDER)
    assert not answer.refused
    assert [citation.path for citation in answer.citations] == ["merger.txt"]


def test_who_is_no_member_finds_nothing(world) -> None:
    """Whatever a principal that was made before says."""
    nobody = replace(world.owner, user_id=world.stranger.user_id)
    with world.database.app.acting_as(nobody) as session:
        assert search(session, nobody.org_id, "rent lease", embedder=EMBEDDER) == []
        assert ask(session, nobody.org_id, "What is the rent?", embedder=EMBEDDER).refused


def test_every_quote_is_exactly_the_documents_text(world) -> None:
    with world.database.app.acting_as(world.owner) as session:
        answer = ask(
            session, world.owner.org_id, "What is the monthly rent of the Lyon office?", embedder=EMBEDDER
        )
    assert not answer.refused
    for citation in answer.citations:
        assert world.shared.text[citation.start : citation.end] == citation.quote
        assert citation.page == 1
        assert citation.boxes == ((10, 20, 90, 40),)
    assert answer.answer == " ".join(citation.quote for citation in answer.citations)


def test_a_citation_can_be_shown_again_and_only_to_those_who_may_read_it(world) -> None:
    with world.database.app.acting_as(world.owner) as session:
        (citation, *_) = ask(session, world.owner.org_id, QUESTION, embedder=EMBEDDER).citations
        shown = resolve(session, citation.evidence_id)
    assert (shown.quote, shown.start, shown.end) == (citation.quote, citation.start, citation.end)
    assert shown.passage == SECRET[0]
    for caller in (world.colleague, world.stranger):
        with world.database.app.acting_as(caller) as session, pytest.raises(NotFound):
            resolve(session, citation.evidence_id)


@pytest.mark.parametrize("evidence_id", ["", "no", "-" * 36 + ":0-5", "00000000-0000-0000-0000-000000000000"])
def test_an_id_of_nothing_is_not_found(world, evidence_id: str) -> None:
    with world.database.app.acting_as(world.owner) as session, pytest.raises(NotFound):
        resolve(session, evidence_id)


def test_a_span_beyond_its_chunk_is_not_found(world) -> None:
    (one,) = world.secret.chunks
    with world.database.app.acting_as(world.owner) as session, pytest.raises(NotFound):
        resolve(session, span_id(one.chunk_id, 0, len(one.text) + 1))


@pytest.mark.parametrize(
    "question", ["Who insures the warehouse in Marseille?", "Quel est le montant de l'amende de Paris ?"]
)
def test_what_nothing_speaks_of_is_refused(world, question: str) -> None:
    with world.database.app.acting_as(world.owner) as session:
        answer = ask(session, world.owner.org_id, question, embedder=EMBEDDER)
    assert answer.refused
    assert answer.citations == ()
    assert answer.answer


def test_find_returns_documents_and_objects(world) -> None:
    with world.database.app.acting_as(world.owner) as session:
        found = find(session, world.owner.org_id, "accepted monthly rent 4 200", embedder=EMBEDDER)
    kinds = {one.kind: one for one in reversed(found)}
    assert kinds["decision"].id == str(world.promise)
    assert kinds["document"].path == "lease.txt"
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert len({one.id for one in found}) == len(found)


def test_filters_narrow(world) -> None:
    org_id = world.owner.org_id
    with world.database.app.acting_as(world.owner) as session:

        def paths(filters: Filters) -> set[str]:
            return {
                hit.path
                for hit in search(session, org_id, "lease merger", embedder=EMBEDDER, filters=filters)
            }

        assert paths(Filters(path="lease.txt")) == {"lease.txt"}
        assert paths(Filters(path="lease")) == set()
        assert paths(Filters(kinds=frozenset({"message"}))) == set()
        assert paths(Filters(document_ids=frozenset({world.secret.document_id}))) == {"merger.txt"}


def test_a_superseded_document_is_not_found(world) -> None:
    with world.database.worker.organisation(world.owner.org_id) as session:
        session.execute(
            update(document)
            .where(document.c.id == world.shared.document_id)
            .values(superseded_at=text("now()"))
        )
    with world.database.app.acting_as(world.owner) as session:
        hits = search(session, world.owner.org_id, "monthly rent", embedder=EMBEDDER)
    assert {hit.path for hit in hits} == {"merger.txt"}
