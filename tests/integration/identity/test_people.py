"""People: one address is one person, whoever comes first."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from resources.errors import Conflict
from resources.identity import people
from tests.conftest import Database


def test_of_two_accounts_made_at_once_for_one_address_one_stands(database: Database) -> None:
    """The other is told to sign in; neither is a fault of the server."""
    both = threading.Barrier(2)

    def create(name: str) -> str:
        both.wait(timeout=30)
        try:
            with database.identity.transaction() as session:
                people.create(session, "anne@firm.example", name, "en", None)
        except Conflict as error:
            return error.message
        return "created"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(create, ["Anne", "Mallory"]))
    assert answers == ["There is an account with this address.", "created"]
