"""Organisations, their people, and the audiences that say who may see a row."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

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
    created_at(),
    info={"access": Access.DISPATCH, "app": "SELECT", "worker": EVERYTHING},
)

app_user = Table(
    "app_user",
    metadata,
    generated_id(),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    created_at(),
    info={"access": Access.SELF, "app": "SELECT", "worker": EVERYTHING},
)

membership = tenant_table(
    "membership",
    Access.ORGANISATION,
    org_id(primary_key=True),
    Column("user_id", Uuid, ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, nullable=False),
    created_at(),
    CheckConstraint("role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')", name="role"),
)

api_key = tenant_table(
    "api_key",
    Access.ORGANISATION,
    generated_id(),
    org_id(),
    Column("user_id", Uuid, ForeignKey("app_user.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    created_at(),
    Column("expires_at", DateTime(timezone=True)),
    app="",  # keys are read by ``authenticate`` alone
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
)

audience_member = tenant_table(
    "audience_member",
    Access.READERSHIP,
    inherited_org_id(),
    Column("audience_id", Uuid, ForeignKey("audience.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Uuid, ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True, index=True),
)
