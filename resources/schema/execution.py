"""Background work and events: the public job record, the transactional outbox, the Postgres event log."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources.schema.base import Access, created_at, generated_id, org_id, tenant_table

job = tenant_table(
    "job",
    Access.JOB,
    generated_id(),
    org_id(),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), index=True),
    Column("kind", Text, nullable=False),
    Column("arguments", JSONB, nullable=False, server_default=text("'{}'")),
    # The same key asks for the same work: a second request finds the first one's job.
    Column("idempotency_key", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("max_attempts", Integer, nullable=False, server_default="3"),
    Column("run_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("lease_expires_at", DateTime(timezone=True)),
    Column("progress", JSONB, nullable=False, server_default=text("'{}'")),
    Column("result", JSONB),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("dagster_run_id", Text),
    Column("requested_by", Uuid, ForeignKey("app_user.id", ondelete="SET NULL")),
    created_at(),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint(
        "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
        name="status",
    ),
    UniqueConstraint("org_id", "idempotency_key"),
    Index("ix_job_due", "status", "run_at"),
    app="SELECT, INSERT, UPDATE",
)

outbox = tenant_table(
    "outbox",
    Access.WORKER,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    org_id(),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", JSONB, nullable=False, server_default=text("'{}'")),
    Column("payload", LargeBinary, nullable=False),
    created_at(),
    app="",
)

event = tenant_table(
    "event",
    Access.WORKER,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    org_id(),
    Column("key", Text, nullable=False),
    Column("headers", JSONB, nullable=False, server_default=text("'{}'")),
    Column("payload", LargeBinary, nullable=False),
    created_at(),
    # Events about what is erased go with it; found by whose they are and what they are about.
    Index("ix_event_key", "org_id", "key"),
    app="",
)

consumer_offset = tenant_table(
    "consumer_offset",
    Access.WORKER,
    Column("consumer_group", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    # The next offset to read; moves in the same transaction as the effects of what was read.
    Column("offset", BigInteger, nullable=False),
    app="",
)
