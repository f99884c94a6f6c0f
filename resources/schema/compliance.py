"""What the organisation's duties are kept by: legal holds, receipts of what was erased, and exports."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources.schema.base import Access, created_at, generated_id, inherited_org_id, org_id, tenant_table

legal_hold = tenant_table(
    "legal_hold",
    Access.ORGANISATION,
    generated_id(),
    org_id(),
    # NULL: the whole organisation. No cascade: a connection that is held cannot be deleted by any road.
    Column("connection_id", Uuid, ForeignKey("connection.id"), index=True),
    Column("reason", Text, nullable=False),
    Column("placed_by", Uuid, ForeignKey("app_user.id", ondelete="SET NULL")),
    created_at("placed_at"),
    Column("released_by", Uuid, ForeignKey("app_user.id", ondelete="SET NULL")),
    Column("released_at", DateTime(timezone=True)),
    Index("ix_legal_hold_standing", "org_id", postgresql_where=text("released_at IS NULL")),
    app="SELECT, INSERT, UPDATE",
)

erasure_receipt = tenant_table(
    "erasure_receipt",
    Access.ORGANISATION,
    generated_id(),
    # Without a foreign key: of an erased organisation it lives on under the platform's, the nil UUID.
    inherited_org_id(),
    Column("kind", Text, nullable=False),
    # The id of what went; it leads nowhere any more.
    Column("subject_id", Uuid, nullable=False),
    # How many rows of each table, files and vectors went; no content and no names.
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
    # Digests of files whose rows are gone and which are still to be deleted from the object store; empty at the end.
    Column("unpurged", ARRAY(Text), nullable=False, server_default="{}"),
    Column("requested_by", Uuid),
    created_at("requested_at"),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint("kind IN ('connection', 'person', 'organisation', 'retention')", name="kind"),
    CheckConstraint("finished_at IS NULL OR unpurged = '{}'", name="purged"),
    Index("ix_erasure_receipt_listing", "org_id", "id"),
    app="SELECT",
)

export = tenant_table(
    "export",
    Access.OWN,
    generated_id(),
    org_id(),
    Column("user_id", Uuid, ForeignKey("app_user.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("job_id", Uuid, nullable=False),
    created_at("requested_at"),
    Column("finished_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_export_listing", "org_id", "id"),
    app="SELECT, INSERT",
)

export_part = tenant_table(
    "export_part",
    Access.OWN,
    Column("export_id", Uuid, ForeignKey("export.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    inherited_org_id(),
    Column("user_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    # Where the next part begins: the table, and the key of the last row that was written.
    Column("position", JSONB, nullable=False),
    Index("uq_export_part_name", "export_id", "name", unique=True),
)
