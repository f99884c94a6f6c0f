"""Reports by mail: who asked is told, of what they may see, once, in counts that quote nothing."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import select, update

from drovi_assets.chores import report
from resources.letters import Letter, opened
from resources.schema import app_user, membership, outgoing_mail
from tests.integration.periodic.conftest import Firm

PROMISE = "Chère Madame,\n\nNous vous adresserons le projet {} avant le 15 mars 2030.\n\nBien à vous."


def _subscribe(firm: Firm, user_id: UUID, period: str) -> None:
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(update(membership).where(membership.c.user_id == user_id).values(report=period))


def _letters(firm: Firm) -> dict[str, Letter]:
    secrets = firm.runtime.sources.secrets
    rows = [opened(secrets, row) for row in firm.query(select(outgoing_mail))]
    assert len({row.to for row in rows}) == len(rows), "somebody was told twice"
    return {row.to: row for row in rows}


def test_each_member_is_told_of_what_they_may_see(firm: Firm) -> None:
    """A private source counts for its owner alone, and who did not ask is not written to."""
    owner, colleague, silent = firm.tenant, firm.person("Colleague"), firm.person("Silent")
    firm.source(owner, private=False, name="shared", text=PROMISE.format("commun"))
    firm.source(owner, private=True, name="private", text=PROMISE.format("réservé"))
    for person in (owner, colleague):
        _subscribe(firm, person.principal.user_id, "weekly")
    job_id = firm.ask("report_weekly")
    firm.work()
    letters = _letters(firm)
    assert firm.job(job_id).result["sent"] == 2
    assert {to: letter.values["commitments"] for to, letter in letters.items()} == {
        _address(firm, owner.principal.user_id): "2",
        _address(firm, colleague.principal.user_id): "1",
    }
    assert _address(firm, silent.principal.user_id) not in letters
    told = " ".join(str(value) for letter in letters.values() for value in letter.values.values())
    assert "commun" not in told
    assert "réservé" not in told


def test_who_asked_for_the_other_period_is_not_told(firm: Firm) -> None:
    firm.source(firm.tenant, private=False, name="shared")
    _subscribe(firm, firm.owner_id, "daily")
    firm.ask("report_weekly")
    firm.work()
    assert not _letters(firm)
    firm.ask("report_daily")
    firm.work()
    assert [letter.values["period"] for letter in _letters(firm).values()] == ["daily"]


def test_nothing_new_is_no_letter(firm: Firm) -> None:
    """An empty report would teach its reader to open none."""
    _subscribe(firm, firm.owner_id, "daily")
    job_id = firm.ask("report_daily")
    firm.work()
    assert not _letters(firm)
    assert firm.job(job_id).result["sent"] == 0


def test_a_report_that_is_cut_short_goes_on_with_the_next_member(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after a member's letter was committed: nobody is told twice, and nobody is left out."""
    people = [firm.tenant, *(firm.person(f"Person{number}") for number in range(3))]
    firm.source(firm.tenant, private=False, name="shared")
    for person in people:
        _subscribe(firm, person.principal.user_id, "weekly")
    told = []
    one = report._one

    def dying(*arguments):
        told.append(one(*arguments))
        if len(told) == 2:
            raise KeyboardInterrupt
        return told[-1]

    monkeypatch.setattr(report, "_one", dying)
    job_id = firm.ask("report_weekly")
    with pytest.raises(KeyboardInterrupt):
        firm.work()
    assert len(_letters(firm)) == 2
    with firm.database.worker.dispatch() as session:
        firm_jobs = report.job
        session.execute(update(firm_jobs).where(firm_jobs.c.id == job_id).values(status="queued"))
    firm.work()
    assert set(_letters(firm)) == {_address(firm, person.principal.user_id) for person in people}
    assert firm.job(job_id).result["sent"] == 4


def _address(firm: Firm, user_id: UUID) -> str:
    return firm.query(select(app_user.c.email).where(app_user.c.id == user_id))[0].email
