"""Tampering, as whoever owns the database could: each is caught, and said where."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from resources.audit import verification
from tests.integration.audit.conftest import Chain

COPY = "CREATE TEMPORARY TABLE kept AS SELECT * FROM audit_entry WHERE org_id = :org"


def test_an_untouched_chain_has_no_problem(chain: Chain) -> None:
    """Anchored or not, empty or not."""
    assert (chain.verify().entries, chain.problems()) == (0, [])
    chain.append(3)
    assert chain.anchor() == 1
    chain.append(3)
    report = chain.verify()
    assert (report.entries, report.anchors, report.problems) == (6, 1, ())


@pytest.mark.parametrize(
    "edit",
    [
        "at = at + interval '1 microsecond'",
        "at = 'infinity'",
        "actor_kind = 'system'",
        "actor_id = ''",
        "actor_label = actor_label || ' '",
        "action = 'member.removed'",
        "subject_kind = ''",
        "subject_id = 'm8'",
        "address = '192.0.2.8'",
        "request_id = ''",
        "before = NULL",
        "before = '{}'",
        """after = '{"role": "OWNER"}'""",
        "previous_hash = hash",
        "hash = previous_hash",
        "actor_id = actor_id || actor_label, actor_label = ''",
    ],
)
def test_an_edited_entry_is_caught(chain: Chain, edit: str) -> None:
    """Whichever column: also where a character only moved from one to the next."""
    chain.append(5)
    chain.tamper(f"UPDATE audit_entry SET {edit} WHERE org_id = :org AND sequence = 3")
    assert (3, "the entry is not what it was when it was written") in chain.problems()


def test_a_deleted_entry_is_caught(chain: Chain) -> None:
    """The first one too."""
    chain.append(5)
    chain.tamper("DELETE FROM audit_entry WHERE org_id = :org AND sequence = 3")
    assert chain.problems() == [(4, "the entries between 2 and this one are missing")]
    chain.tamper("DELETE FROM audit_entry WHERE org_id = :org AND sequence = 1")
    assert (2, "the entries between 0 and this one are missing") in chain.problems()


def test_a_deletion_that_closes_the_gap_is_caught(chain: Chain) -> None:
    """Renumbering edits every entry that follows."""
    chain.append(5)
    chain.tamper(
        "DELETE FROM audit_entry WHERE org_id = :org AND sequence = 3",
        "UPDATE audit_entry SET sequence = 3 WHERE org_id = :org AND sequence = 4",
        "UPDATE audit_entry SET sequence = 4 WHERE org_id = :org AND sequence = 5",
    )
    assert {3, 4} <= {sequence for sequence, _ in chain.problems()}


def test_swapped_entries_are_caught(chain: Chain) -> None:
    chain.append(5)
    chain.tamper(
        "UPDATE audit_entry SET sequence = 99 WHERE org_id = :org AND sequence = 2",
        "UPDATE audit_entry SET sequence = 2 WHERE org_id = :org AND sequence = 4",
        "UPDATE audit_entry SET sequence = 4 WHERE org_id = :org AND sequence = 99",
    )
    assert {2, 4} <= {sequence for sequence, _ in chain.problems()}


def test_a_tail_cut_off_is_caught_by_the_head(chain: Chain) -> None:
    chain.append(5)
    chain.tamper("DELETE FROM audit_entry WHERE org_id = :org AND sequence > 3")
    assert chain.problems() == [(5, "the head knows of this entry, and the chain ends at 3")]


SET_HEAD_BACK = """
    UPDATE audit_head h SET sequence = e.sequence, hash = e.hash FROM audit_entry e
    WHERE h.org_id = :org AND e.org_id = :org AND e.sequence = 3
"""


def test_a_tail_cut_off_together_with_the_head_is_caught_by_the_anchor(chain: Chain) -> None:
    """Everything in the database agrees with everything else; the object store does not."""
    chain.append(5)
    chain.anchor()
    cut = "DELETE FROM audit_entry WHERE org_id = :org AND sequence > 3"
    chain.tamper(cut, SET_HEAD_BACK, "DELETE FROM audit_anchor WHERE org_id = :org")
    ((sequence, message),) = chain.problems()
    assert sequence == 5
    assert "knows of this entry, and the chain ends at 3" in message


def test_a_whole_chain_taken_away_is_caught_by_the_anchor(chain: Chain) -> None:
    chain.append(5)
    chain.anchor()
    chain.tamper(*(f"DELETE FROM {table} WHERE org_id = :org" for table in ("audit_entry", "audit_head")))
    assert any("the chain ends at 0" in message for _, message in chain.problems())


def test_a_chain_computed_anew_is_caught_by_the_first_anchor_it_contradicts(chain: Chain) -> None:
    """An enemy who knows how, and who lets an hour pass so that the next anchor holds the forged chain."""
    chain.append(3)
    chain.anchor()
    chain.tamper(
        COPY,
        "DELETE FROM audit_entry WHERE org_id = :org",
        "DELETE FROM audit_head WHERE org_id = :org",
        "SELECT set_config('drovi.org_id', :org, true)",
        "SELECT audit_append(actor_kind, actor_id, 'mallory', action, subject_kind, subject_id, address,"
        " request_id, before, after) FROM kept ORDER BY sequence",
    )
    chain.append(2)
    assert chain.anchor_an_hour_later() == 1
    ((sequence, message),) = chain.problems()
    assert sequence == 3
    assert "has another hash" in message


def test_a_head_set_back_or_removed_is_caught(chain: Chain) -> None:
    """Before anybody appends to it: a fork would begin there."""
    chain.append(5)
    chain.tamper(SET_HEAD_BACK)
    assert chain.problems() == [(5, "the head of the chain was set back or removed")]
    chain.tamper("DELETE FROM audit_head WHERE org_id = :org")
    assert chain.problems() == [(5, "the head of the chain was set back or removed")]


def test_a_head_with_another_hash_is_caught(chain: Chain) -> None:
    chain.append(5)
    chain.tamper("UPDATE audit_head SET hash = decode(repeat('ab', 32), 'hex') WHERE org_id = :org")
    assert chain.problems() == [(5, "the head of the chain has another hash")]


class TestAnchors:
    """What is outside the database can be tampered with as well; the anchors hold one another."""

    @pytest.fixture
    def anchored(self, chain: Chain) -> Chain:
        for _ in range(3):
            chain.append(2)
            chain.anchor_an_hour_later()
        assert len(chain.notes()) == 3
        assert chain.problems() == []
        return chain

    @pytest.mark.parametrize("which", [0, 1])
    def test_one_taken_away_is_missed_by_the_next(self, anchored: Chain, which: int) -> None:
        anchored.notes()[which].unlink()
        assert any("does not follow the one before" in message for _, message in anchored.problems())

    def test_the_last_one_taken_away_is_missed_by_the_database(self, anchored: Chain) -> None:
        anchored.notes()[-1].unlink()
        assert anchored.problems() == [(6, "its anchor is missing in the object store")]

    def test_a_damaged_one_is_told(self, anchored: Chain) -> None:
        anchored.notes()[1].write_bytes(b"[]")
        assert any("is damaged" in message for _, message in anchored.problems())

    def test_one_of_another_place_is_told(self, anchored: Chain) -> None:
        first, second, _ = anchored.notes()
        second.write_bytes(first.read_bytes())
        assert any("was made for another place" in message for _, message in anchored.problems())


def test_it_reads_while_acts_go_on(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries that come in between two pages, and an anchor of them, contradict nothing."""
    monkeypatch.setattr(verification, "PAGE", 2)
    chain.append(4)
    check = verification._check

    def busy(*arguments: object) -> None:
        check(*arguments)
        if arguments[0].sequence in {1, 4}:
            chain.append(2)
            chain.anchor()

    monkeypatch.setattr(verification, "_check", busy)
    report = chain.verify()
    assert (report.entries, report.problems) == (8, ())


def test_the_cost_grows_with_the_entries_and_no_faster(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """One query a page: ten times the entries, ten times the pages."""
    monkeypatch.setattr(verification, "PAGE", 10)

    def queries() -> int:
        statements: list[str] = []
        engine = chain.database._engine

        def listen(connection, cursor, statement, *rest) -> None:
            statements.append(statement)

        event.listen(engine, "before_cursor_execute", listen)
        chain.verify()
        event.remove(engine, "before_cursor_execute", listen)
        return len(statements)

    none = queries()
    chain.append(50)
    few = queries()
    chain.append(450)
    many = queries()
    assert (few - none, many - none) == (5, 50)


def test_of_very_many_problems_the_rest_is_counted(chain: Chain) -> None:
    chain.append(150)
    chain.tamper("UPDATE audit_entry SET actor_label = 'mallory' WHERE org_id = :org")
    report = chain.verify()
    assert (len(report.problems), report.problem_count) == (100, 150)
