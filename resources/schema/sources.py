"""Where data comes from: connections, how far each stream was read, and the items as they came."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources.schema.base import (
    Access,
    audience_id,
    created_at,
    generated_id,
    inherited_org_id,
    org_id,
    tenant_table,
)

connection = tenant_table(
    "connection",
    Access.CONNECTION,
    generated_id(),
    org_id(),
    Column("owner_id", Uuid, ForeignKey("app_user.id"), nullable=False),
    Column("connector", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("visibility", Text, nullable=False, server_default="ORG_SHARED"),
    audience_id(),
    # What a person typed to connect, without its secrets: those are in connection_secret, encrypted.
    Column("config", JSONB, nullable=False, server_default=text("'{}'")),
    Column("status", Text, nullable=False, server_default="active"),
    Column("status_detail", Text, nullable=False, server_default=""),
    Column("sync_interval_seconds", Integer, nullable=False, server_default="4"),
    # In place of the interval: five fields, read in that time zone.
    Column("sync_cron", Text),
    Column("sync_timezone", Text, nullable=False, server_default="UTC"),
    Column("next_sync_at", DateTime(timezone=True), nullable=False, server_default=text("now()"), index=True),
    Column("last_synced_at", DateTime(timezone=True)),
    created_at(),
    CheckConstraint("visibility IN ('ORG_SHARED', 'PRIVATE')", name="visibility"),
    # One that is being erased is gone for everybody already.
    CheckConstraint("status IN ('active', 'paused', 'needs_person', 'erasing')", name="status"),
    # By owner, so that nobody learns from a name being taken what a colleague's private source is called.
    UniqueConstraint("org_id", "owner_id", "name"),
    # Asked at every request: what everybody in the organisation sees.
    Index("ix_connection_shared", "org_id", postgresql_where=text("visibility = 'ORG_SHARED'")),
    app="SELECT, INSERT, UPDATE",
)

connection_secret = tenant_table(
    "connection_secret",
    Access.WORKER_ORGANISATION,
    inherited_org_id(),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    created_at(),
    app="INSERT",  # the API stores what it is given and can never read it back
)

connection_lease = tenant_table(
    "connection_lease",
    Access.WORKER,
    inherited_org_id(),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    Column("holder", Text, nullable=False),
    # Rises by one with every new holder; a page commits only under the fence it was read with.
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    app="",
)

stream_cursor = tenant_table(
    "stream_cursor",
    Access.WORKER_ORGANISATION,
    inherited_org_id(),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    Column("stream", Text, primary_key=True),
    # "live", or a backfill window such as "2026-11": each is read on its own.
    Column("scope", Text, primary_key=True),
    Column("cursor", JSONB, nullable=False),
    Column("complete", Boolean, nullable=False, server_default=text("false")),
    Column("items", BigInteger, nullable=False, server_default="0"),
    created_at("updated_at"),
    app="",
)

source_item = tenant_table(
    "source_item",
    Access.CONTENT,
    generated_id(),
    inherited_org_id(),
    audience_id(),
    # A reference held by triggers, once a statement: a foreign key's look-up for every row was a sixth of the
    # server's work on a page. See migration 0002.
    Column("connection_id", Uuid, nullable=False),
    Column("stream", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    # Orders the versions of one provider id (a change time or a history number); the highest wins.
    Column("version", BigInteger, nullable=False),
    Column("occurred_at", DateTime(timezone=True)),
    # The backfill window the item belongs to; with the connection it names the Dagster partition.
    Column("window", Text, nullable=False),
    # The exact bytes that were hashed, as UTF-8 JSON; jsonb would reorder them.
    Column("payload", Text, nullable=False),
    # The object store's digest of the item's file, where it has one.
    Column("blob", Text),
    created_at("landed_at"),
    Column("superseded_at", DateTime(timezone=True)),
    Column("processed_at", DateTime(timezone=True)),
    UniqueConstraint(
        "connection_id", "stream", "provider_id", "content_hash", name="uq_source_item_identity"
    ),
    Index(
        "uq_source_item_current",
        "connection_id",
        "stream",
        "provider_id",
        unique=True,
        postgresql_where=text("superseded_at IS NULL"),
    ),
    Index("ix_source_item_window", "connection_id", "window"),
    # Who else refers to a file, before it is deleted.
    Index("ix_source_item_blob", "blob", postgresql_where=text("blob IS NOT NULL")),
    # The queue of what landed and is not derived yet: it survives any crash between the two.
    Index(
        "ix_source_item_pending",
        "connection_id",
        "landed_at",  # one moment a page, so that the index folds a page's rows into few entries
        postgresql_where=text("processed_at IS NULL AND superseded_at IS NULL"),
    ),
)

tombstone = tenant_table(
    "tombstone",
    Access.WORKER_ORGANISATION,
    inherited_org_id(),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("provider_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    created_at("deleted_at"),
    # How many rows of each kind went with it; no content.
    Column("receipt", JSONB, nullable=False, server_default=text("'{}'")),
    # Deletions whose files are still in the object store; see drovi_assets.connectors.deletions.
    Index(
        "ix_tombstone_unpurged",
        "connection_id",
        postgresql_where=text("receipt ? 'unpurged'"),
    ),
    # Deletions that a legal hold keeps from being done; see drovi_assets.connectors.holds.
    Index("ix_tombstone_held", "connection_id", postgresql_where=text("receipt ? 'held'")),
    app="",  # a deleted item's id may be the path of a private file
)

skipped_item = tenant_table(
    "skipped_item",
    Access.CONTENT,  # a path tells as much as a title
    inherited_org_id(),
    audience_id(),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("provider_id", Text, primary_key=True),
    # Why it could not be read, in words for the connection's owner.
    Column("reason", Text, nullable=False),
    created_at("seen_at"),
)

connection_event = tenant_table(
    "connection_event",
    Access.CONTENT,
    Column("org_id", Uuid, nullable=False, primary_key=True),
    # In the order of commits, and a moment in microseconds: a gap says nothing of what a reader may not see.
    Column("id", BigInteger, primary_key=True),
    audience_id(),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), nullable=False),
    # What streams show of the connection after the change; written by connection_tell() alone.
    Column("state", JSONB, nullable=False),
    created_at(),
    Index("ix_connection_event_connection_id", "connection_id", "id"),
    worker="SELECT",
)
