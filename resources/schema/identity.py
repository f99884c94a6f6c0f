"""Organisations, their people, and the audiences that say who may see a row."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources.schema.base import (
    EVERYTHING,
    Access,
    created_at,
    generated_id,
    inherited_org_id,
    metadata,
    org_id,
    tenant_table,
)

organisation = Table(
    "organisation",
    metadata,
    generated_id(),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    # A suspended one lets nobody in; one that is being erased is gone for its members already.
    Column("status", Text, nullable=False, server_default="active"),
    created_at(),
    CheckConstraint("status IN ('active', 'suspended', 'erasing')", name="status"),
    info={
        "access": Access.DISPATCH,
        "app": "SELECT, UPDATE",
        "worker": EVERYTHING,
        "identity": "SELECT, INSERT, UPDATE",
        "overview": {},
    },
)

organisation_policy = tenant_table(
    "organisation_policy",
    Access.DISPATCH,  # retention is due by it
    org_id(primary_key=True),
    # NULL: every connector. An empty list: none.
    Column("allowed_connectors", ARRAY(Text)),
    Column("default_visibility", Text, nullable=False, server_default="ORG_SHARED"),
    # Who may be invited, and who a source may be shared with; empty: anybody.
    Column("allowed_email_domains", ARRAY(Text), nullable=False, server_default="{}"),
    Column("session_hours", Integer, nullable=False, server_default="12"),
    Column("second_factor_required", Boolean, nullable=False, server_default=false()),
    # Days that content of a kind is kept, by kind; a kind that is not named is kept for good.
    Column("retention_days", JSONB, nullable=False, server_default=text("'{}'")),
    created_at("updated_at"),
    CheckConstraint("default_visibility IN ('ORG_SHARED', 'PRIVATE')", name="default_visibility"),
    CheckConstraint("session_hours BETWEEN 1 AND 720", name="session_hours"),
    app="SELECT, INSERT, UPDATE",
    identity="SELECT",
)

app_user = Table(
    "app_user",
    metadata,
    generated_id(),
    # As ``resources.identity.addresses`` normalises it: one person is one row, however they type it.
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("locale", Text, nullable=False, server_default="en"),
    Column("email_verified_at", DateTime(timezone=True)),
    Column("disabled_at", DateTime(timezone=True)),
    created_at(),
    CheckConstraint("email = lower(email)", name="email"),
    CheckConstraint("locale IN ('en', 'fr')", name="locale"),
    info={
        "access": Access.PERSON,
        "app": "SELECT",
        "worker": EVERYTHING,
        "identity": EVERYTHING,
        "overview": {},
    },
)

membership = tenant_table(
    "membership",
    Access.ORGANISATION,
    org_id(primary_key=True),
    Column("user_id", Uuid, ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", Text, nullable=False),
    # How often they want to be told by mail what is new; nobody is unasked.
    Column("report", Text, nullable=False, server_default="none"),
    created_at(),
    CheckConstraint("role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')", name="role"),
    CheckConstraint("report IN ('none', 'daily', 'weekly')", name="report"),
    app="SELECT, UPDATE, DELETE",  # joining is the identity role's: it takes an invitation
    identity="SELECT, INSERT",
)

invitation = tenant_table(
    "invitation",
    Access.ORGANISATION,
    generated_id(),
    org_id(),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    # What whoever invited calls the person; they may choose another name when they accept.
    Column("name", Text, nullable=False, server_default=""),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("invited_by", Uuid, ForeignKey("app_user.id", ondelete="SET NULL")),
    created_at(),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("accepted_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    CheckConstraint("email = lower(email)", name="email"),
    CheckConstraint("role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')", name="role"),
    # One standing invitation a person: a new one replaces it.
    Index(
        "uq_invitation_standing",
        "org_id",
        "email",
        unique=True,
        postgresql_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
    ),
    app="SELECT, INSERT, UPDATE",
    identity="SELECT, UPDATE",
)

api_key = tenant_table(
    "api_key",
    Access.OWN,
    generated_id(),
    org_id(),
    Column("user_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False, server_default="{read,write,manage}"),
    created_at(),
    Column("expires_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    # A key goes with its owner's membership: one who is invited again later finds no old key alive.
    ForeignKeyConstraint(
        ["org_id", "user_id"], ["membership.org_id", "membership.user_id"], ondelete="CASCADE"
    ),
    app="SELECT, INSERT, UPDATE",
    identity="SELECT, UPDATE",
)

audience = tenant_table(
    "audience",
    Access.ORGANISATION,
    generated_id(),
    org_id(),
    Column("kind", Text, nullable=False),
    # What makes it the audience it is: "*", a hash of its members, its source and reader set, or a hash of its parts.
    # Two audiences of the same key are one row.
    Column("member_key", Text, nullable=False),
    # Of a source: who may see the connection, and of those, where a reader set is named, only who is in it.
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE")),
    Column("reader_set_id", Uuid, ForeignKey("reader_set.id")),
    # Of a joint audience: those who are in every one of these. An array, since a part that went with its
    # connection must stay asked for: nobody is in it any more.
    Column("parts", ARRAY(Uuid)),
    CheckConstraint("kind IN ('organisation', 'owner', 'readers', 'source', 'joint')", name="kind"),
    CheckConstraint("(kind = 'source') = (connection_id IS NOT NULL)", name="source"),
    CheckConstraint("(kind = 'joint') = (parts IS NOT NULL)", name="joint"),
    UniqueConstraint("org_id", "member_key"),
    Index("ix_audience_connection_id", "connection_id"),
    Index("ix_audience_reader_set_id", "reader_set_id"),
    Index("ix_audience_joint", "org_id", postgresql_where=text("kind = 'joint'")),
    app="SELECT, INSERT",  # who connects a source founds its audience
    identity="SELECT, INSERT",
)

audience_member = tenant_table(
    "audience_member",
    Access.READERSHIP,
    inherited_org_id(),
    Column("audience_id", Uuid, ForeignKey("audience.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Uuid, ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True, index=True),
    identity="SELECT, INSERT",
)

reader_set = tenant_table(
    "reader_set",
    Access.WORKER_ORGANISATION,
    generated_id(),
    org_id(),
    # A hash of the sorted addresses: the same readers are one set, whatever names them.
    Column("key", Text, nullable=False),
    UniqueConstraint("org_id", "key"),
    app="",
)

reader_set_member = tenant_table(
    "reader_set_member",
    Access.WORKER_ORGANISATION,
    inherited_org_id(),
    Column("reader_set_id", Uuid, ForeignKey("reader_set.id", ondelete="CASCADE"), primary_key=True),
    # As the provider names them, normalised: whether a member has that address is asked at every request.
    Column("email", Text, primary_key=True),
    Index("ix_reader_set_member_email", "org_id", "email"),
    app="",
)
