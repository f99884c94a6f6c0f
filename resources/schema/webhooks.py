"""What other systems send us and what we send them: addresses that take messages in, and those that are told of changes."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from resources.schema.base import (
    EVERYTHING,
    Access,
    audience_id,
    created_at,
    generated_id,
    inherited_org_id,
    org_id,
    tenant_table,
)

webhook_intake = tenant_table(
    "webhook_intake",
    Access.CONTENT,  # that a private source takes messages in, and when, is its owner's to know
    inherited_org_id(),
    audience_id(),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    # Of the last part of the address that its sender was given.
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    # The token and the secrets that messages may be signed with: see drovi_assets.connectors.intakes.
    Column("key_id", Text, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    created_at(),
    created_at("rotated_at"),
    Column("received", BigInteger, nullable=False, server_default="0"),
    Column("last_received_at", DateTime(timezone=True)),
    Column("last_items", Integer),
    Column("last_skipped", Integer),
    app="SELECT, INSERT, UPDATE",
)

webhook_message = tenant_table(
    "webhook_message",
    Access.WORKER,
    inherited_org_id(),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    # Of its sender's id: what was taken in once has no second effect. Forgotten after a day, when no signature of it holds.
    Column("message_hash", LargeBinary, primary_key=True),
    created_at("received_at"),
    Index("ix_webhook_message_received_at", "received_at"),
    app="",
)

webhook_endpoint = tenant_table(
    "webhook_endpoint",
    Access.DISPATCH,
    generated_id(),
    org_id(),
    # It is told what this member may see, and goes with the membership.
    Column("user_id", Uuid, nullable=False),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("event_types", ARRAY(Text), nullable=False),
    Column("key_id", Text, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("status_detail", Text, nullable=False, server_default=""),
    # Since when nothing has arrived; NULL: the last that was sent did.
    Column("failing_since", DateTime(timezone=True)),
    created_at(),
    CheckConstraint("status IN ('active', 'paused', 'disabled')", name="status"),
    ForeignKeyConstraint(
        ["org_id", "user_id"], ["membership.org_id", "membership.user_id"], ondelete="CASCADE"
    ),
    Index("ix_webhook_endpoint_member", "org_id", "user_id"),
    app=EVERYTHING,
)

webhook_delivery = tenant_table(
    "webhook_delivery",
    Access.OWN_OUTGOING,
    generated_id(),
    inherited_org_id(),
    Column("user_id", Uuid, nullable=False),
    Column("endpoint_id", Uuid, ForeignKey("webhook_endpoint.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    # What is sent, to the byte: ids and numbers.
    Column("payload", Text, nullable=False),
    # Looked at again before it is sent: who may see it can have changed. NULL for what is about nothing.
    Column("document_id", Uuid, ForeignKey("document.id", ondelete="CASCADE"), index=True),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("last_status", Integer),
    Column("last_error", Text, nullable=False, server_default=""),
    created_at(),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('pending', 'delivered', 'dead')", name="status"),
    UniqueConstraint("endpoint_id", "event_id"),
    Index("ix_webhook_delivery_due", "endpoint_id", "due_at", postgresql_where=text("status = 'pending'")),
    Index("ix_webhook_delivery_listing", "endpoint_id", "id"),
    Index("ix_webhook_delivery_created_at", "created_at"),
    app="SELECT, INSERT, UPDATE",
)

subscription = tenant_table(
    "subscription",
    Access.WORKER,
    inherited_org_id(),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    # The provider's name for it; NULL: there is none yet, or the provider forgot it.
    Column("provider_id", Text),
    Column("expires_at", DateTime(timezone=True)),
    # When it is looked after next: in time before it ends, or later where the provider did not answer.
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("failures", Integer, nullable=False, server_default="0"),
    # What went wrong last; empty once it is well.
    Column("problem", Text, nullable=False, server_default=""),
    created_at(),
    Index("ix_subscription_due", "org_id", "due_at"),
    app="",
)
