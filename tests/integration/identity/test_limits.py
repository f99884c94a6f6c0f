"""Token buckets: so many at once, whoever asks in parallel, and back again with time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from resources.errors import RateLimited
from resources.identity.limits import Limit, give_back, take
from tests.conftest import Database

FEW = Limit("few", 5, 60)


def _taken(database: Database, subject: str = "anne") -> bool:
    try:
        take(database.identity, FEW, subject)
    except RateLimited:
        return False
    return True


def _age(database: Database, seconds: float) -> None:
    with database.identity.transaction() as session:
        session.execute(
            text("UPDATE rate_limit SET refilled_at = refilled_at - make_interval(secs => :s)"),
            {"s": seconds},
        )


def test_so_many_are_let_through_and_no_more_however_many_ask_at_once(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: _taken(database), range(40))) == FEW.attempts


def test_subjects_do_not_share_a_bucket(database: Database) -> None:
    assert [_taken(database) for _ in range(6)] == [True] * 5 + [False]
    assert _taken(database, "claire")


def test_the_wait_that_is_told_is_enough_and_not_much_more(database: Database) -> None:
    for _ in range(5):
        take(database.identity, FEW, "anne")
    with pytest.raises(RateLimited) as refused:
        take(database.identity, FEW, "anne")
    assert refused.value.retry_after == pytest.approx(12, abs=1.5)
    _age(database, 10)
    assert not _taken(database)
    _age(database, 2.5)
    assert _taken(database)
    assert not _taken(database)


def test_a_long_rest_fills_the_bucket_and_no_further(database: Database) -> None:
    _taken(database)
    _age(database, 100_000)
    assert [_taken(database) for _ in range(6)] == [True] * 5 + [False]


def test_who_succeeded_starts_afresh(database: Database) -> None:
    for _ in range(5):
        take(database.identity, FEW, "anne")
    give_back(database.identity, FEW, "anne")
    assert [_taken(database) for _ in range(6)] == [True] * 5 + [False]


def test_the_table_names_nobody_and_forgets(database: Database) -> None:
    _taken(database, "anne@cabinet.example")
    with database.identity.transaction() as session:
        rows = session.execute(text("SELECT rate_limit::text FROM rate_limit")).scalars().all()
    assert "anne" not in str(rows)
    _age(database, 2 * 86_400)
    with database.worker.dispatch() as session:
        assert session.execute(text("SELECT forget_expired()")).scalar_one() == 1
