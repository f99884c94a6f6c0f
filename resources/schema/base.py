"""What every table shares: the metadata, the access rule it must name, and column shorthands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Table, Uuid, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Access(StrEnum):
    """Who may see a table's rows; ``resources.schema.security`` turns each into policies.

    The *application* role serves people, the *worker* role runs pipelines. Neither owns a table, and
    both see nothing at all until the transaction names an organisation. The *identity* role signs people in: it
    sees every row of the tables that name privileges for it, and no table with content is among them.
    """

    CONTENT = "content"
    """Application: its organisation and the caller's audiences. Worker: its organisation."""

    ORGANISATION = "organisation"
    """Application and worker: their organisation."""

    DISPATCH = "dispatch"
    """Application: its organisation. Worker: every organisation, to find due work. Holds no content."""

    CONNECTION = "connection"
    """Application: its organisation and the caller's audiences. Worker: every organisation, to find due work."""

    JOB = "job"
    """Application: jobs of its organisation whose connection the caller may know of; of those without a connection, the
    caller's own and those that nobody asked for. Worker: every organisation."""

    PERSON = "person"
    """Application: the caller and the members of its organisation. Worker: every row (names of authors and owners)."""

    OWN = "own"
    """Application: what the caller made in its organisation. Worker: its organisation."""

    OUTGOING = "outgoing"
    """Application: writes for its organisation (it holds no SELECT). Worker: every organisation, to send what is due."""

    OWN_OUTGOING = "own_outgoing"
    """Application: what tells of the caller's own in its organisation. Worker: every organisation, to send what is due."""

    IDENTITY = "identity"
    """Application and worker: nothing. Who a person is, before an organisation is known, is the identity role's alone."""

    READERSHIP = "readership"
    """Application: the memberships of the caller. Worker: its organisation."""

    WORKER = "worker"
    """Application: nothing. Worker: every organisation. Plumbing such as the event log."""

    WORKER_ORGANISATION = "worker_organisation"
    """Application: nothing. Worker: its organisation. Secrets, and statistics over all audiences."""


EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"


def tenant_table(
    name: str,
    access: Access,
    *columns: Any,
    app: str = "SELECT",
    worker: str = EVERYTHING,
    identity: str = "",
    overview: Mapping[str, Sequence[str]] = MappingProxyType({}),
    **kwargs: Any,
) -> Table:
    """A table under an access rule; ``app``, ``worker`` and ``identity`` list the privileges of those roles.

    ``overview`` is what the administration sees and does of a table whose rows are not people: by privilege, the columns it
    is granted to the identity role on, none of which holds anybody's content.
    """
    if access is Access.IDENTITY:
        app = worker = ""
    privileges = {"app": app, "worker": worker, "identity": identity, "overview": overview}
    return Table(name, metadata, *columns, info={"access": access, **privileges}, **kwargs)


def org_id(*, primary_key: bool = False) -> Column[UUID]:
    """The tenant column of a table that hangs on the organisation itself, and goes with it."""
    return Column(
        "org_id",
        Uuid,
        ForeignKey("organisation.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


def inherited_org_id() -> Column[UUID]:
    """The tenant column of a table that hangs on a parent row, and goes with that.

    Without a foreign key of its own: each one costs a look-up a row, and these tables take bulk loads.
    """
    return Column("org_id", Uuid, nullable=False)


def audience_id() -> Column[UUID]:
    """The audience column of a table that carries content; without a foreign key for the same reason."""
    return Column("audience_id", Uuid, nullable=False)


def created_at(name: str = "created_at") -> Column[Any]:
    """A timestamp set by the database's clock: workers' clocks may differ."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=text("now()"))


def generated_id() -> Column[UUID]:
    """A primary key the database makes; version 7, so that inserts stay at the index's right edge."""
    return Column("id", Uuid, primary_key=True, server_default=text("uuidv7()"))


def derived_id() -> Column[UUID]:
    """A primary key computed from what the row is derived from, so that a replay makes the same row."""
    return Column("id", Uuid, primary_key=True)
