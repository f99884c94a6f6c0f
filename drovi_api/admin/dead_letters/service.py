"""The rules of settling dead letters: each once, by somebody, and in the log of the organisation whose event it was."""

from __future__ import annotations

from uuid import UUID

from drovi_api.admin.dead_letters import repository
from drovi_api.admin.dead_letters.repository import Settling
from drovi_api.admin.dead_letters.schemas import DeadLetter, DeadLetterStatus, Selection, Settled
from drovi_api.admin.dependencies import Act
from drovi_api.pagination import Page
from resources.audit import PLATFORM, Action
from resources.errors import Conflict

_ACTIONS = {"replaying": Action.DEAD_LETTER_REPLAYED, "dropped": Action.DEAD_LETTER_DROPPED}


def listed(
    act: Act, selection: Selection | None, status: DeadLetterStatus | None, cursor: str | None, limit: int
) -> Page[DeadLetter]:
    """A page of those that the selection leaves."""
    page = repository.page(act.connection, selection, status, cursor, limit)
    act.audit(Action.ADMIN_DEAD_LETTERS_LISTED, "platform", PLATFORM)
    return page


def viewed(act: Act, letter_id: UUID) -> DeadLetter:
    """One. Raises ``NotFound``."""
    found = repository.one(act.connection, letter_id)
    act.audit(Action.ADMIN_DEAD_LETTER_VIEWED, "dead_letter", letter_id, organisations=_concerned(found))
    return found


def replay(act: Act, letter_id: UUID) -> DeadLetter:
    """Have one handled again. Raises ``NotFound``, and ``Conflict`` where it is settled."""
    return _settle_one(act, letter_id, Settling("replaying", act.session.email))


def drop(act: Act, letter_id: UUID, reason: str) -> DeadLetter:
    """Give one up for good. Raises as ``replay``."""
    return _settle_one(act, letter_id, Settling("dropped", act.session.email, reason))


def replay_all(act: Act, selection: Selection) -> Settled:
    """Have all of a selection handled again, as many as one request takes."""
    return _settle(act, selection, Settling("replaying", act.session.email))


def drop_all(act: Act, selection: Selection, reason: str) -> Settled:
    """Give all of a selection up for good, as many as one request takes."""
    return _settle(act, selection, Settling("dropped", act.session.email, reason))


def _settle_one(act: Act, letter_id: UUID, settling: Settling) -> DeadLetter:
    before = repository.one(act.connection, letter_id)
    if not repository.settle_one(act.connection, letter_id, settling):
        raise Conflict(f"The dead letter is {before.status}.", remedy="Only one that is dead can be settled.")
    act.audit(
        _ACTIONS[settling.status],
        "dead_letter",
        letter_id,
        organisations=_concerned(before),
        before={"status": before.status},
        after={"status": settling.status, "reason": settling.reason},
    )
    return repository.one(act.connection, letter_id)


def _settle(act: Act, selection: Selection, settling: Settling) -> Settled:
    owners = repository.settle(act.connection, selection, settling)
    act.audit(
        _ACTIONS[settling.status],
        "platform",
        PLATFORM,
        organisations={org_id for org_id in owners if org_id},
        after={
            "status": settling.status,
            "reason": settling.reason,
            # How many there were of others is nobody's business in an organisation's own log.
            "selection": selection.model_dump(mode="json", exclude_none=True),
        },
    )
    return Settled(settled=len(owners), more=len(owners) == repository.AT_ONCE)


def _concerned(letter: DeadLetter) -> list[UUID]:
    return [letter.organisation_id] if letter.organisation_id else []
