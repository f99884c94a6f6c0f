"""Erasing a person from an organisation: their private sources with all that was derived from them, and who they were.

What is the organisation's stays: shared sources go over to an owner, and entries of the audit log keep the name they
were written with (docs/decisions/0009-erasure.md). Where the person is a member of nothing else, the account goes too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from drovi_assets.chores import exports, receipts, sources
from drovi_assets.chores.contract import Step, Task
from drovi_assets.connectors import holds
from drovi_assets.connectors.erasing import Erased
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources.audit import Action
from resources.errors import Conflict

_PRIVATE = text(
    """
    SELECT id FROM connection WHERE org_id = :org_id AND owner_id = :user_id AND visibility = 'PRIVATE' ORDER BY id
    """
)
_LOCK_OWNERS = text(
    """
    SELECT user_id, role = 'OWNER' AS owns FROM membership
    WHERE org_id = :org_id AND (role = 'OWNER' OR user_id = :user_id) ORDER BY user_id FOR UPDATE
    """
)
_KEYS = text("SELECT count_keys(:user_id)")
_LEAVE = text("DELETE FROM membership WHERE org_id = :org_id AND user_id = :user_id")
_HEIR = text(
    """
    SELECT user_id FROM membership WHERE org_id = :org_id AND role = 'OWNER'
    ORDER BY user_id IS DISTINCT FROM :requested_by, created_at LIMIT 1
    """
)
# An audience keeps its rows and loses its member, and so does a set of readers that a provider named; under a key of
# its own, nobody who comes later is taken for them. What the provider names again makes a set of its own.
_ROWS: Mapping[str, str] = {
    "sources_handed_over": "UPDATE connection SET owner_id = :heir WHERE org_id = :org_id AND owner_id = :user_id",
    "audience": "UPDATE audience SET member_key = 'erased:' || id WHERE org_id = :org_id AND id IN"
    " (SELECT audience_id FROM audience_member WHERE user_id = :user_id)",
    "audience_member": "DELETE FROM audience_member WHERE org_id = :org_id AND user_id = :user_id",
    "reader_set": "UPDATE reader_set SET key = 'erased:' || id WHERE org_id = :org_id AND id IN"
    " (SELECT reader_set_id FROM reader_set_member WHERE org_id = :org_id AND email ="
    " (SELECT email FROM app_user WHERE id = :user_id))",
    "reader_set_member": "DELETE FROM reader_set_member WHERE org_id = :org_id"
    " AND email = (SELECT email FROM app_user WHERE id = :user_id)",
    "invitation": "DELETE FROM invitation WHERE org_id = :org_id"
    " AND email = (SELECT email FROM app_user WHERE id = :user_id)",
    "invitations_sent": "UPDATE invitation SET invited_by = NULL WHERE org_id = :org_id AND invited_by = :user_id",
    "export": "DELETE FROM export WHERE org_id = :org_id AND user_id = :user_id",
    "job": "DELETE FROM job WHERE org_id = :org_id AND requested_by = :user_id AND connection_id IS NULL",
    "jobs_requested": "UPDATE job SET requested_by = NULL WHERE org_id = :org_id AND requested_by = :user_id",
}
_SESSIONS = text("SELECT erase_sessions(:user_id)")
_LOCK_ACCOUNT = text("SELECT email FROM app_user WHERE id = :user_id FOR UPDATE")
_IN_USE = text(
    "SELECT is_member_anywhere(:user_id) OR EXISTS (SELECT FROM connection WHERE owner_id = :user_id)"
)
# Elsewhere they were a member once: their jobs there are nobody else's to see, but for what still has to be cleared.
_ACCOUNT = (
    text(
        "DELETE FROM job WHERE requested_by = :user_id AND connection_id IS NULL AND kind <> 'expire_export'"
    ),
    text("DELETE FROM app_user WHERE id = :user_id"),
)


def erase_person(runtime: Runtime, task: Task, deadline: Deadline) -> Step:
    """The chore; the person is out from the request on.

    Raises:
        Conflict: a legal hold covers a private source of theirs, or everything; or no owner would be left.
    """
    user_id = UUID(task.arguments["user_id"])
    names = {"org_id": task.org_id, "user_id": user_id, "requested_by": task.requested_by}
    with runtime.database.organisation(task.org_id) as connection:
        if not receipts.begin(connection, task, "person", user_id, task.requested_by):
            return Step({"receipt": str(task.id)}, finished=True)
    # The receipt is there before a hold may stop us: by it the person can be named again, member no more.
    with runtime.database.organisation(task.org_id) as connection:
        private = list(connection.execute(_PRIVATE, names).scalars())
        holds.require_none(connection, holds.standing(private))
        receipts.add(connection, task.id, Erased(_leave(connection, names)))
    for connection_id in private:
        if not sources.erase(runtime, task.org_id, connection_id, task.id, deadline):
            return Step({"receipt": str(task.id)})
    exports.clear_all(runtime, task.org_id, user_id)
    with runtime.database.organisation(task.org_id) as connection:
        receipts.add(connection, task.id, Erased(_erase_rows(connection, names)))
        receipts.close(connection, task.id, Action.ERASURE_FINISHED)
    return Step({"receipt": str(task.id)}, finished=True)


def _leave(connection: Connection, names: Mapping[str, Any]) -> dict[str, int]:
    """End a membership that still stands, or stands again, and with it its keys."""
    # Owners and the member are locked first: of two owners who go at once one is the last, and no key is made meanwhile.
    owners = [row.user_id for row in connection.execute(_LOCK_OWNERS, names) if row.owns]
    if owners == [names["user_id"]]:
        raise Conflict("An organisation keeps an owner.", remedy="Make somebody else an owner first.")
    keys = connection.execute(_KEYS, names).scalar_one()
    return {"keys": keys, "membership": connection.execute(_LEAVE, names).rowcount}


def _erase_rows(connection: Connection, names: Mapping[str, Any]) -> dict[str, int]:
    names = {**names, "heir": connection.execute(_HEIR, names).scalar_one()}
    counts = {what: connection.execute(text(statement), names).rowcount for what, statement in _ROWS.items()}
    counts["session"] = connection.execute(_SESSIONS, names).scalar_one()
    # Locked first: an invitation that is accepted meanwhile waits for us, and then finds nobody.
    account = connection.execute(_LOCK_ACCOUNT, names).one_or_none()
    if account is not None and not connection.execute(_IN_USE, names).scalar_one():
        for statement in _ACCOUNT:
            connection.execute(statement, names)
        counts["app_user"] = 1
    return counts
