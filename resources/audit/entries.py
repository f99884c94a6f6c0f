"""Entries: who did what to which object, from where, with what before and after. Written, and listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, Text, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import JSONB

from resources.schema import app_user, audit_entry
from resources.telemetry.redaction import redact
from resources.tenancy import Principal

PLATFORM: Final = UUID(int=0)
"""The organisation of the platform's own chain: keys, administrators, organisations that come and go."""


class ActorKind(StrEnum):
    """What sort of caller acted."""

    USER = "user"
    API_KEY = "api_key"
    ADMIN = "admin"
    SYSTEM = "system"


class Action(StrEnum):
    """Every act that is audited. ``what.happened``, in the past tense: an entry commits with its act."""

    CONNECTION_CREATED = "connection.created"
    CONNECTION_SHARED = "connection.shared"
    CONNECTION_MADE_PRIVATE = "connection.made_private"
    CONNECTION_PAUSED = "connection.paused"
    CONNECTION_RESUMED = "connection.resumed"
    CONNECTION_DELETED = "connection.deleted"
    CONNECTION_SECRET_REPLACED = "connection.secret_replaced"  # noqa: S105 - an act's name
    CONNECTION_SYNC_REQUESTED = "connection.sync_requested"
    CONNECTION_BACKFILL_REQUESTED = "connection.backfill_requested"
    CONNECTION_RHYTHM_CHANGED = "connection.rhythm_changed"

    MEMBER_INVITED = "member.invited"
    MEMBER_INVITATION_REVOKED = "member.invitation_revoked"
    MEMBER_JOINED = "member.joined"
    MEMBER_ROLE_CHANGED = "member.role_changed"
    MEMBER_REMOVED = "member.removed"
    MEMBER_LEFT = "member.left"

    ORGANISATION_CREATED = "organisation.created"
    ORGANISATION_UPDATED = "organisation.updated"
    ORGANISATION_POLICIES_CHANGED = "organisation.policies_changed"
    ORGANISATION_DELETED = "organisation.deleted"

    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    SESSION_STARTED = "session.started"
    SESSION_FAILED = "session.failed"
    SESSION_ENDED = "session.ended"
    SESSION_REVOKED = "session.revoked"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - an act's name
    PASSWORD_RESET_REQUESTED = "password.reset_requested"  # noqa: S105 - an act's name
    EMAIL_VERIFIED = "email.verified"
    EMAIL_CHANGE_REQUESTED = "email.change_requested"
    EMAIL_CHANGED = "email.changed"
    PROFILE_CHANGED = "profile.changed"
    REPORTS_CHANGED = "reports.changed"
    IDENTITY_LINKED = "identity.linked"
    SECOND_FACTOR_BEGUN = "second_factor.begun"
    SECOND_FACTOR_ENABLED = "second_factor.enabled"
    SECOND_FACTOR_CODES_RENEWED = "second_factor.codes_renewed"
    SECOND_FACTOR_DISABLED = "second_factor.disabled"

    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_SECRET_REPLACED = "webhook.secret_replaced"  # noqa: S105 - an act's name
    WEBHOOK_DELETED = "webhook.deleted"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_PINGED = "webhook.pinged"
    WEBHOOK_REDELIVERED = "webhook.redelivered"

    EXPORT_REQUESTED = "export.requested"
    EXPORT_DOWNLOADED = "export.downloaded"
    RETENTION_APPLIED = "retention.applied"
    HOLD_PLACED = "hold.placed"
    HOLD_RELEASED = "hold.released"
    PERSON_ERASED = "person.erased"
    ERASURE_SCHEDULED = "organisation.erasure_scheduled"
    ERASURE_CALLED_OFF = "organisation.erasure_called_off"
    ERASURE_FINISHED = "erasure.finished"

    JOB_CANCELLED = "job.cancelled"
    JOB_RETRIED = "job.retried"
    KILL_SWITCH_THROWN = "kill_switch.thrown"
    KILL_SWITCH_RELEASED = "kill_switch.released"
    DEAD_LETTER_REPLAYED = "dead_letter.replayed"
    DEAD_LETTER_DROPPED = "dead_letter.dropped"
    KEYS_ROTATED = "keys.rotated"
    KEYS_RETIRED = "keys.retired"

    ADMIN_INVITED = "admin.invited"
    ADMIN_INVITATION_OPENED = "admin.invitation_opened"
    ADMIN_JOINED = "admin.joined"
    ADMIN_DISABLED = "admin.disabled"
    ADMIN_ADMINISTRATORS_LISTED = "admin.administrators_listed"
    ADMIN_AUDIT_READ = "admin.audit_read"
    ADMIN_ORGANISATIONS_LISTED = "admin.organisations_listed"
    ADMIN_USERS_SEARCHED = "admin.users_searched"
    ADMIN_ORGANISATION_VIEWED = "admin.organisation_viewed"
    ADMIN_USER_VIEWED = "admin.user_viewed"
    ADMIN_ORGANISATION_CHANGED = "admin.organisation_changed"
    ADMIN_USER_CHANGED = "admin.user_changed"
    ADMIN_JOB_CHANGED = "admin.job_changed"
    ADMIN_JOBS_LISTED = "admin.jobs_listed"
    ADMIN_SCHEDULES_LISTED = "admin.schedules_listed"
    ADMIN_SCHEDULE_CHANGED = "admin.schedule_changed"
    ADMIN_KILL_SWITCHES_LISTED = "admin.kill_switches_listed"
    ADMIN_EVENTS_READ = "admin.events_read"
    ADMIN_DEAD_LETTERS_LISTED = "admin.dead_letters_listed"
    ADMIN_DEAD_LETTER_VIEWED = "admin.dead_letter_viewed"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. ``label`` is the name or e-mail address as it is now; ``address`` the network address they come from."""

    kind: ActorKind
    id: str = ""
    label: str = ""
    address: str = ""


SYSTEM: Final = Actor(ActorKind.SYSTEM, label="Drovi")
"""Nobody in particular: what the platform does by itself, and what is done on its machine's command line."""


def member(connection: Connection, principal: Principal, address: str = "") -> Actor:
    """A caller as an actor, in their own transaction: that is the row of the users that they may read."""
    email = connection.execute(
        select(app_user.c.email).where(app_user.c.id == principal.user_id)
    ).scalar_one_or_none()
    return Actor(ActorKind.USER, str(principal.user_id), email or "", address)


_VALUE: Final = JSONB(none_as_null=True)
_APPEND: Final = select(
    func.audit_append(
        bindparam("actor_kind", type_=Text),
        bindparam("actor_id", type_=Text),
        bindparam("actor_label", type_=Text),
        bindparam("action", type_=Text),
        bindparam("subject_kind", type_=Text),
        bindparam("subject_id", type_=Text),
        bindparam("address", type_=Text),
        bindparam("request_id", type_=Text),
        bindparam("before", type_=_VALUE),
        bindparam("after", type_=_VALUE),
    )
)
_APPEND_EACH: Final = text(
    """
    SELECT count(audit_append(
        :actor_kind, :actor_id, :actor_label, :action, :subject_kind, entry ->> 'id', :address, :request_id,
        NULL, entry -> 'after'
    )) FROM jsonb_array_elements(:entries) AS entry
    """
).bindparams(bindparam("entries", type_=JSONB))


def record(
    connection: Connection,
    actor: Actor,
    action: Action,
    subject_kind: str,
    subject_id: str | UUID,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    request_id: str = "",
) -> int:
    """Add an entry to the chain of the transaction's organisation, and give its number.

    Entry and act commit together or not at all. Call it last in the transaction: until that ends, others who
    audit in the same organisation wait. An act over many things is one entry: thousands in one transaction queue on
    the versions of one row, in quadratic time. ``before`` and ``after`` hold what changed; a value whose name or shape is
    a secret's does not get in.
    """
    values = {
        "actor_kind": actor.kind.value,
        "actor_id": actor.id,
        "actor_label": actor.label,
        "action": action.value,
        "subject_kind": subject_kind,
        "subject_id": str(subject_id),
        "address": actor.address,
        "request_id": request_id,
        "before": redact(before),
        "after": redact(after),
    }
    number: int = connection.execute(_APPEND, values).scalar_one()
    return number


def record_each(
    connection: Connection,
    actor: Actor,
    action: Action,
    subject_kind: str,
    subjects: Mapping[UUID, Mapping[str, Any]],
    *,
    request_id: str = "",
) -> None:
    """Add the same act's entry for each of many objects, with what each is after it: one statement for all."""
    entries = [{"id": str(subject), "after": redact(after)} for subject, after in subjects.items()]
    values = {
        "actor_kind": actor.kind.value,
        "actor_id": actor.id,
        "actor_label": actor.label,
        "action": action.value,
        "subject_kind": subject_kind,
        "address": actor.address,
        "request_id": request_id,
        "entries": entries,
    }
    connection.execute(_APPEND_EACH, values)


def newest(
    connection: Connection, org_id: UUID, limit: int, before_sequence: int | None = None
) -> Sequence[Row[Any]]:
    """Entries of a chain, newest first, from the one before ``before_sequence`` on. Without the hashes."""
    query = (
        select(*(column for column in audit_entry.c if column.name not in {"hash", "previous_hash"}))
        .where(audit_entry.c.org_id == org_id)
        .order_by(audit_entry.c.sequence.desc())
        .limit(limit)
    )
    if before_sequence is not None:
        query = query.where(audit_entry.c.sequence < before_sequence)
    return connection.execute(query).all()
