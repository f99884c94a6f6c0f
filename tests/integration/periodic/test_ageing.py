"""What grows stale, and what is read again by a later extractor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from drovi_assets.chores import candidates, decay
from drovi_assets.intelligence.extract import EXTRACTOR_VERSION
from drovi_assets.pipeline import objects
from drovi_assets.pipeline.fingerprint import fingerprint
from resources.events.envelope import ObjectsChanged, body_of, opened
from resources.schema import document, intelligence_object, outbox, source_item
from tests.integration.periodic.conftest import Firm

LETTER = (
    "Chère Madame,\n\nNous vous adresserons le projet avant le 15 mars {}.\n\n"
    "Le conseil a décidé d'approuver les comptes.\n\nBien à vous."
)


def _source(firm: Firm, year: int) -> None:
    firm.source(firm.tenant, private=False, name=f"letter-{year}", text=LETTER.format(year))


def _stale(firm: Firm) -> set[str]:
    rows = firm.query(
        select(intelligence_object.c.kind, intelligence_object.c.slots).where(
            intelligence_object.c.stale_since.is_not(None)
        )
    )
    return {f"{row.kind} {row.slots.get('due', '')}".strip() for row in rows}


def test_a_promise_grows_stale_a_quarter_after_its_day(firm: Firm) -> None:
    """One whose day is to come does not, and neither does a decision, however old."""
    for year in (2019, 2030):
        _source(firm, year)
    _age(firm, days=3000)
    job_id = firm.ask("decay")
    firm.work()
    assert _stale(firm) == {"commitment 2019-03-15"}
    assert firm.job(job_id).result == {"stale": 1}


def test_what_has_no_day_grows_stale_two_years_after_it_was_said(firm: Firm) -> None:
    """By when it was said; by when it was learnt only where nobody knows that."""
    _source(firm, 2030)
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            update(intelligence_object)
            .where(intelligence_object.c.kind == "commitment")
            .values(kind="risk", slots={}, valid_from=datetime.now(UTC) - timedelta(days=729))
        )
    _age(firm, days=3000)
    firm.ask("decay")
    firm.work()
    assert not _stale(firm)
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            update(intelligence_object).values(valid_from=datetime.now(UTC) - timedelta(days=731))
        )
    firm.ask("decay")
    firm.work()
    assert _stale(firm) == {"risk"}


def test_growing_stale_is_told_and_changes_nothing_that_is_said(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event a document, in the transaction of the mark; a replay gives the same, and marks nothing anew."""
    monkeypatch.setattr(decay, "BATCH", 1)
    _source(firm, 2019)
    before = _fingerprints(firm)
    with firm.database.worker.dispatch() as session:
        session.execute(outbox.delete())
    firm.ask("decay")
    firm.work()
    told = [body_of(opened(row.payload)) for row in firm.query(select(outbox.c.payload))]
    assert [one.stale for one in told if isinstance(one, ObjectsChanged)] == [1]
    assert _fingerprints(firm) == before
    firm.ask("decay")
    firm.work()
    assert len(firm.query(select(outbox.c.id))) == 1


def test_another_organisations_objects_stay_as_they_are(firm: Firm, neighbour: Firm) -> None:
    _source(firm, 2019)
    with neighbour.database.worker.organisation(neighbour.org_id) as session:
        session.execute(update(intelligence_object).values(slots={"due": "2019-03-15"}))
    firm.ask("decay")
    firm.work()
    assert _stale(firm) == {"commitment 2019-03-15"}
    assert not _stale(neighbour)


def test_a_later_extractor_reads_again_what_an_earlier_one_read(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything, in small batches, once; what it finds under its own version takes the earlier's place."""
    for year in (2019, 2030, 2031):
        _source(firm, year)
    for module in (candidates, objects):
        monkeypatch.setattr(module, "EXTRACTOR_VERSION", "later")
    monkeypatch.setattr(candidates, "BATCH", 1)
    monkeypatch.setattr(
        candidates,
        "_OF_ANOTHER_VERSION",
        (document.c.extractor_version < "later") | (document.c.extractor_version > "later"),
    )
    job_id = firm.ask("candidates")
    firm.work()
    assert firm.job(job_id).result == {"documents": 3}
    standing = firm.query(
        select(intelligence_object.c.extractor_version, func.count())
        .where(intelligence_object.c.superseded_at.is_(None))
        .group_by(intelligence_object.c.extractor_version)
    )
    assert [row.extractor_version for row in standing] == ["later"]
    superseded = firm.query(
        select(intelligence_object.c.extractor_version).where(
            intelligence_object.c.superseded_at.is_not(None)
        )
    )
    assert {row.extractor_version for row in superseded} == {EXTRACTOR_VERSION}
    again = firm.ask("candidates")
    firm.work()
    assert firm.job(again).result == {"documents": 0}


def test_what_was_just_read_is_no_candidate(firm: Firm) -> None:
    _source(firm, 2030)
    job_id = firm.ask("candidates")
    firm.work()
    assert firm.job(job_id).result == {"documents": 0}


def _age(firm: Firm, days: int) -> None:
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(update(intelligence_object).values(recorded_at=func.now() - timedelta(days=days)))


def _fingerprints(firm: Firm) -> list[str]:
    partitions = firm.query(select(source_item.c.connection_id, source_item.c.window).distinct())
    with firm.database.worker.organisation(firm.org_id) as session:
        return sorted(fingerprint(session, row.connection_id, row.window) for row in partitions)
