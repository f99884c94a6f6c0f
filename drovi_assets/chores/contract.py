"""What a chore is: a function that takes a job a step further each time it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Task:
    """A job as a chore sees it. ``progress`` is what its last step returned; empty at first.

    ``org_id`` is ``audit.PLATFORM`` where the work is the platform's own.
    """

    id: UUID
    org_id: UUID
    connection_id: UUID | None
    requested_by: UUID | None
    arguments: Mapping[str, Any]
    progress: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """How far a chore came: ``progress`` for people and for its own next step; ``finished`` with its result."""

    progress: Mapping[str, Any]
    finished: bool = False


Chore = Callable[[Runtime, Task, Deadline], Step]
"""Does what it can before the deadline, commits it, and says how far it is.

It may be killed at any moment and called again with the progress of its last full step, so everything it does must
have the same effect when it is done twice.
"""
