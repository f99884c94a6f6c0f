"""A worker's way into the database that fails where it hurts: at a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import NoReturn
from uuid import UUID

from sqlalchemy import Connection

from resources.database import WorkerDatabase
from resources.errors import ProviderDown


class Died(BaseException):
    """``kill -9``: nothing that the worker does from here on reaches the database, and no handler may take it for an error."""


class Fate(Enum):
    """What becomes of a transaction."""

    DIES_BEFORE = "the worker dies before its commit"
    DIES_AFTER = "the worker dies after its commit"
    REFUSED = "the server goes away before the commit, the worker stays"
    ANSWER_LOST = "the server goes away after the commit, and the worker cannot know"


class MortalDatabase(WorkerDatabase):
    """One worker's transactions inside organisations, over another one's pool; ``fate`` meets the ``at``-th of them.

    ``kept`` is called after a commit; ``lost`` after a rollback, and where the worker cannot go on after a commit.
    """

    def __init__(
        self,
        database: WorkerDatabase,
        kept: Callable[[], None],
        lost: Callable[[], None],
        fate: tuple[Fate, int] | None = None,
    ) -> None:
        self._engine = database._engine
        self._database = database
        self._kept, self._lost = kept, lost
        self._fate, self._left = fate or (None, 0)
        self.alive, self.met = True, False

    @contextmanager
    def organisation(self, org_id: UUID) -> Iterator[Connection]:
        if not self.alive:
            raise Died
        fate = self._next()
        try:
            with self._database.organisation(org_id) as connection:
                yield connection
                if fate in {Fate.DIES_BEFORE, Fate.REFUSED}:
                    self._end(fate)
        except BaseException:
            self._lost()
            raise
        self._kept()
        if fate is not None:
            self._lost()  # nothing follows on it
            self._end(fate)

    def _next(self) -> Fate | None:
        self._left -= 1
        if self._left != 0:
            return None
        self.met = True
        return self._fate

    def _end(self, fate: Fate) -> NoReturn:
        if fate in {Fate.DIES_BEFORE, Fate.DIES_AFTER}:
            self.alive = False
            raise Died
        raise ProviderDown("The database is not available.", retry_after=2)
