"""Indexing twice is indexing once, and forgetting leaves nothing, whatever the order."""

from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drovi_assets.retrieval.index import IndexedChunk, forget, index_chunks, recount
from resources import audiences
from tests.fakes.corpus import WordVectors, connect, index, index_rows, write

TEXTS = [
    "Le bail de Lyon",
    "Le bail de Lyon est signé",
    "The rent is due",
    "The rent and the lease",
    "Œuvre d'art",
]


@pytest.fixture
def library(database, tenant):
    """Five documents of the firm, in two audiences, written and not indexed."""
    org_id = tenant.principal.org_id
    with database.worker.organisation(org_id) as session:
        everyone = audiences.of_organisation(session, org_id)
        own = audiences.of_members(session, org_id, [tenant.principal.user_id])
    files = connect(database.worker, tenant.principal, everyone)
    with database.worker.organisation(org_id) as session:
        written = [
            write(
                session,
                org_id,
                files,
                (everyone, own)[place % 2],
                path=f"{place}.txt",
                paragraphs=[words, words + " again"],
            )
            for place, words in enumerate(TEXTS)
        ]
    return database.worker, org_id, written, (everyone, own)


def test_indexing_again_changes_no_byte(library) -> None:
    worker, org_id, written, _ = library
    with worker.organisation(org_id) as session:
        assert [index(session, org_id, one) for one in written] == [2] * len(written)
        before = index_rows(session)
    with worker.organisation(org_id) as session:
        assert [index(session, org_id, one) for one in reversed(written)] == [0] * len(written)
        assert index_rows(session) == before


def test_forgotten_and_indexed_again_comes_out_the_same(library) -> None:
    worker, org_id, written, _ = library
    with worker.organisation(org_id) as session:
        for one in written:
            index(session, org_id, one)
        before = index_rows(session)
        assert forget(session, org_id, [written[0].document_id, written[3].document_id]) == 4
        assert index_rows(session) != before
        index(session, org_id, written[3])
        index(session, org_id, written[0])
        assert index_rows(session) == before


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(TEXTS) - 1), st.booleans()), max_size=12))
def test_whatever_is_indexed_and_forgotten_the_statistics_are_what_a_count_finds(library, steps) -> None:
    worker, org_id, written, _ = library
    with worker.organisation(org_id) as session:
        for place, adding in steps:
            if adding:
                index(session, org_id, written[place])
            else:
                forget(session, org_id, [written[place].document_id])
        kept = index_rows(session)
        recount(session, org_id)
        assert index_rows(session) == kept
        forget(session, org_id, [one.document_id for one in written])
        assert index_rows(session) == []


def test_a_chunk_that_changes_its_audience_takes_its_count_along(library) -> None:
    worker, org_id, written, (everyone, own) = library
    with worker.organisation(org_id) as session:
        index(session, org_id, written[0])
        moved = [IndexedChunk(c.chunk_id, own, c.text, c.context, c.language) for c in written[0].chunks]
        assert index_chunks(session, org_id, moved, WordVectors()) == 0
        kept = index_rows(session)
        assert str(everyone) not in str(kept)
        recount(session, org_id)
        assert index_rows(session) == kept


def test_another_model_replaces_the_vectors(library) -> None:
    worker, org_id, written, _ = library

    class Newer(WordVectors):
        model_id = "words/2"

    with worker.organisation(org_id) as session:
        index(session, org_id, written[0])
        assert index_chunks(session, org_id, written[0].chunks, Newer()) == 2
        kept = index_rows(session)
        assert "words/1" not in str(kept)
        recount(session, org_id)
        assert index_rows(session) == kept


def test_workers_that_index_the_same_words_at_once_do_not_deadlock(library) -> None:
    """Opposite orders of the same terms are how a deadlock is made; writers that take turns cannot make one."""
    worker, org_id, written, _ = library
    failures: list[BaseException] = []

    def work(order) -> None:
        try:
            for one in order:
                with worker.organisation(org_id) as session:
                    index(session, org_id, one)
                    index(session, org_id, order[-1])
                    forget(session, org_id, [one.document_id])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(order,)) for order in (written, written[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with worker.organisation(org_id) as session:
        kept = index_rows(session)
        recount(session, org_id)
        assert index_rows(session) == kept
