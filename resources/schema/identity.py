"""Organisations, their people, and the audiences that say who may see a row."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
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
    info={"access": Access.PERSON, "app": "SELECT", "worker": EVERYTHING, "identity": EVERYTHING},
)

membership = tenant_table(
    "membership",
    Access.ORGANISATION,
    org_id(primary_key=True),
    Column("user_id", Uuid, ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", Text, nullable=False),
    created_at(),
    CheckConstraint("role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')", name="role"),
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
    Column("user_id", Uuid, ForeignKey("app_user.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False, server_default="{read,write,manage}"),
    created_at(),
    Column("expires_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    app="SELECT, INSERT, UPDATE",
    identity="SELECT, UPDATE",
)

audience = tenant_table(
    "audience",
    Access.ORGANISATION,
    generated_id(),
    org_id(),
    Column("kind", Text, nullable=False),
    # Two audiences with the same members are one row: "*" for the organisation, else a hash of the sorted ids.
    Column("member_key", Text, nullable=False),
    CheckConstraint("kind IN ('organisation', 'owner', 'readers')", name="kind"),
    UniqueConstraint("org_id", "member_key"),
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
