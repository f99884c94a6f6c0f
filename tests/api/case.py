"""What a case is: one operation of the API, as each kind of caller is tried with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID, uuid4

from tests.api.conftest import World


class Reach(Enum):
    """What an operation touches, which decides what other tenants see."""

    OPEN = "needs no key"
    CALLER = "answers about the caller alone"
    LIST = "lists what the caller may see"
    ONE = "names one thing by its id"
    PEOPLE = "changes who may do what; tests/api/tenancy tries these with people of their own"
    SIGNED = "takes what is signed, whoever sends it; tests/api/webhooks tries these"
    STREAM = "does not end; tests/api/visibility tries these"
    ENTRANCE = "signs people up, in and out; tests/api/auth tries these"


@dataclass(frozen=True, slots=True)
class Case:
    """One operation. ``path`` may hold ``{id}``; ``subject`` picks whose id it is.

    ``administration``: a viewer is refused, though it only reads. ``apart``: what it does to an organisation would
    end the world that other cases stand on, so its success is tried in one of its own.
    """

    operation_id: str
    method: str
    path: str
    reach: Reach
    subject: Callable[[World], UUID] = lambda _: uuid4()
    body: Callable[[], dict[str, Any] | None] = lambda: None
    status: int = 200
    writes: bool = False
    viewer: int = 0
    """What a viewer is answered, where it is neither 200 nor, for one that writes, 403."""
    administration: bool = False
    apart: bool = False

    def url(self, identity: UUID) -> str:
        return self.path.replace("{id}", str(identity))
