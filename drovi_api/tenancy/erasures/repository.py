"""Jobs that erase, the rows that make a person a member, and receipts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.pagination import Page, by_id, page_of
from drovi_api.tenancy.erasures.schemas import OrganisationErasure, Receipt
from resources.schema import connection, erasure_receipt, job, legal_hold, membership, organisation
from resources.tenancy import Role

ERASE_SOURCE, ERASE_PERSON, ERASE_ORGANISATION = "erase_source", "erase_person", "erase_organisation"
"""The kinds of job that erase (``drovi_assets.chores``)."""

_RECEIPT = erasure_receipt.c
_ORDER = by_id(_RECEIPT.id)
_COLUMNS = tuple(_RECEIPT[name] for name in Receipt.model_fields)
_SCHEDULED = select(job).where(
    job.c.idempotency_key == ERASE_ORGANISATION, job.c.status.in_(("queued", "running"))
)


def receipts(session: ReadSession, cursor: str | None, limit: int) -> Page[Receipt]:
    """Newest first."""
    rows = session.all(_ORDER.page(select(*_COLUMNS), cursor, limit))
    return page_of(rows, limit, _receipt, lambda row: (row.id,))


def receipt(session: ReadSession, receipt_id: UUID) -> Receipt:
    """One receipt of the caller's organisation."""
    return _receipt(session.one(select(*_COLUMNS).where(_RECEIPT.id == receipt_id), "receipt"))


def ask(session: WriteSession, kind: str, arguments: Mapping[str, Any]) -> UUID:
    """The id of a new job that erases, which only who asked for it can see."""
    job_id: UUID = session.run(
        insert(job)
        .values(
            org_id=session.principal.org_id,
            kind=kind,
            idempotency_key=f"{kind}:{uuid4()}",
            arguments=dict(arguments),
            requested_by=session.principal.user_id,
        )
        .returning(job.c.id)
    ).scalar_one()
    return job_id


def make_invisible(session: WriteSession, connection_id: UUID) -> None:
    """From the commit on nobody reads the source or knows of it."""
    session.run(update(connection).where(connection.c.id == connection_id).values(status="erasing"))


def lock_owners(session: WriteSession, user_id: UUID) -> set[UUID]:
    """The organisation's owners, who stay so until the transaction ends: two who erase each other take turns.

    Locked together with one member, who makes no key meanwhile, in the order of ``members.repository.locked``.
    """
    query = (
        select(membership.c.user_id, membership.c.role)
        .where(or_(membership.c.role == Role.OWNER.value, membership.c.user_id == user_id))
        .order_by(membership.c.user_id)
        .with_for_update()
    )
    return {row.user_id for row in session.all(query) if row.role == Role.OWNER.value}


def require_member(session: ReadSession, user_id: UUID) -> None:
    """That somebody is a member, or was until an erasure that has not come to its end."""
    stopped = select(_RECEIPT.subject_id).where(
        _RECEIPT.kind == "person", _RECEIPT.subject_id == user_id, _RECEIPT.finished_at.is_(None)
    )
    members = select(membership.c.user_id).where(membership.c.user_id == user_id)
    session.one(select(members.union(stopped).subquery()), "member")


def remove_member(session: WriteSession, user_id: UUID) -> dict[str, int]:
    """Out from the commit on: keys go with the membership, and no session is better than it. Returns what went."""
    mine = membership.c.user_id == user_id
    keys = session.connection.execute(select(func.count_keys(user_id))).scalar_one()
    return {"keys": keys, "membership": session.run(delete(membership).where(mine)).rowcount}


def holds_on_private_sources_of(user_id: UUID) -> Any:
    """Holds that a person placed on sources that the caller cannot see: only the owner of a private one can."""
    seen = select(connection.c.id).where(connection.c.id == legal_hold.c.connection_id).exists()
    return and_(legal_hold.c.connection_id.is_not(None), legal_hold.c.placed_by == user_id, ~seen)


def name(session: ReadSession) -> str:
    """The organisation's."""
    found: str = session.one(select(organisation.c.name), "organisation").name
    return found


def scheduled(session: ReadSession) -> OrganisationErasure:
    """The organisation's erasure, where one was asked for and not called off."""
    row = session.connection.execute(_SCHEDULED).one_or_none()
    if row is None:
        return OrganisationErasure(begins_at=None, requested_by=None, job_id=None)
    return OrganisationErasure(
        begins_at=row.run_at, requested_by=UUID(row.arguments["requested_by"]), job_id=row.id
    )


def schedule(session: WriteSession, grace: timedelta) -> UUID | None:
    """The id of the job that erases the organisation after its days of grace; None where there is one already.

    The job is the organisation's and not its requester's: every member may know, and another owner call it off.
    """
    row = insert(job).values(
        org_id=session.principal.org_id,
        kind=ERASE_ORGANISATION,
        idempotency_key=ERASE_ORGANISATION,
        arguments={"requested_by": str(session.principal.user_id)},
        run_at=func.now() + grace,
    )
    anew = row.on_conflict_do_update(
        index_elements=["org_id", "idempotency_key"],
        set_={
            "status": "queued",
            "arguments": row.excluded.arguments,
            "run_at": row.excluded.run_at,
            "attempts": 0,
            "created_at": func.now(),
            "finished_at": None,
            "error_code": None,
            "error_message": None,
        },
        where=job.c.status.in_(("cancelled", "failed")),
    )
    job_id: UUID | None = session.run(anew.returning(job.c.id)).scalar_one_or_none()
    return job_id


def call_off(session: WriteSession) -> UUID | None:
    """The id of the job that will not be done; None where none waits."""
    job_id: UUID | None = session.run(
        update(job)
        .where(job.c.idempotency_key == ERASE_ORGANISATION, job.c.status == "queued")
        .values(status="cancelled", finished_at=func.now())
        .returning(job.c.id)
    ).scalar_one_or_none()
    return job_id


def _receipt(row: Row[Any]) -> Receipt:
    return Receipt.model_validate(row, from_attributes=True)
