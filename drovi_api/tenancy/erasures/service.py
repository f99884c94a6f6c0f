"""Who may have what erased, and what a legal hold forbids. The work itself is ``drovi_assets.chores``."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_

from drovi_api.dependencies import WriteSession
from drovi_api.tenancy.erasures import repository
from drovi_api.tenancy.erasures.schemas import OrganisationErasure
from drovi_api.user.connections import repository as connections
from drovi_assets.connectors import holds
from resources.audit import Action
from resources.errors import Conflict, Forbidden, Invalid
from resources.schema import legal_hold
from resources.tenancy import Role

_ADMINISTRATORS = frozenset({Role.OWNER, Role.ADMIN})


def erase_source(session: WriteSession, connection_id: UUID) -> UUID:
    """The id of the job that takes a source away, with everything that was derived from it.

    Raises:
        NotFound: there is no such source for the caller.
        Forbidden: it is a colleague's, and the caller no administrator.
        Conflict: a legal hold stands on it.
    """
    source = connections.one(session, connection_id)
    caller = session.principal
    if source.owner_id != caller.user_id and caller.role not in _ADMINISTRATORS:
        raise Forbidden(
            "The source is a colleague's.", remedy="Ask them, or an owner or administrator, to disconnect it."
        )
    holds.require_none(session.connection, holds.standing([connection_id]))
    repository.make_invisible(session, connection_id)
    job_id = repository.ask(session, repository.ERASE_SOURCE, {"connection_id": str(connection_id)})
    about = {"visibility": source.visibility, "receipt_id": str(job_id)}
    session.audit(Action.CONNECTION_DELETED, "connection", connection_id, after=about)
    return job_id


def erase_person(session: WriteSession, user_id: UUID) -> UUID:
    """The id of the job that takes a member's data away; they are out at once.

    Raises:
        NotFound: there is no such member.
        Conflict: it is the caller, or a legal hold stands on everything or on a private source of theirs.
    """
    if user_id == session.principal.user_id:
        raise Conflict("You cannot erase yourself.", remedy="Ask another owner to do it.")
    owners = repository.lock_owners(session, user_id)
    if session.principal.user_id not in owners:
        raise Conflict("You are no owner any more.", remedy="Ask an owner to do it.")
    repository.require_member(session, user_id)
    covers = or_(legal_hold.c.connection_id.is_(None), repository.holds_on_private_sources_of(user_id))
    holds.require_none(session.connection, holds.standing_anywhere().where(covers))
    gone = repository.remove_member(session, user_id)
    job_id = repository.ask(session, repository.ERASE_PERSON, {"user_id": str(user_id), "gone": gone})
    session.audit(Action.PERSON_ERASED, "user", user_id, after={"receipt_id": str(job_id)})
    return job_id


def schedule(session: WriteSession, name: str, grace: timedelta) -> OrganisationErasure:
    """Have the organisation erased once its days of grace are over.

    Raises:
        Invalid: the name is not the organisation's.
        Conflict: it is scheduled already, or a legal hold stands in it.
    """
    if name != repository.name(session):
        raise Invalid("That is not the organisation's name.", remedy="Repeat its name to the letter.")
    holds.require_none(session.connection, holds.standing_anywhere())
    job_id = repository.schedule(session, grace)
    if job_id is None:
        raise Conflict("The organisation is going to be erased already.", remedy="Nothing, or call it off.")
    scheduled = repository.scheduled(session)
    session.audit(
        Action.ERASURE_SCHEDULED,
        "organisation",
        session.principal.org_id,
        after={"begins_at": str(scheduled.begins_at), "receipt_id": str(job_id)},
    )
    return scheduled


def call_off(session: WriteSession) -> OrganisationErasure:
    """Keep the organisation after all.

    Raises:
        Conflict: nothing is scheduled, or it has begun.
    """
    job_id = repository.call_off(session)
    if job_id is None:
        raise Conflict("No erasure waits to begin.", remedy="Nothing: the organisation stays as it is.")
    session.audit(
        Action.ERASURE_CALLED_OFF,
        "organisation",
        session.principal.org_id,
        after={"receipt_id": str(job_id)},
    )
    return repository.scheduled(session)
