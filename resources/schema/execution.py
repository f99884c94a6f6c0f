"""Background work: the public job record, what asks for it by the clock, what holds it back and how much it may call."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources.schema.base import Access, created_at, generated_id, tenant_table

job = tenant_table(
    "job",
    Access.JOB,
    generated_id(),
    # NULL: the platform's own work, which no organisation sees.
    Column("org_id", Uuid, ForeignKey("organisation.id", ondelete="CASCADE")),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), index=True),
    Column("kind", Text, nullable=False),
    # Ids, dates and numbers: the administration sees them, so nothing of anybody's content.
    Column("arguments", JSONB, nullable=False, server_default=text("'{}'")),
    # The same key asks for the same work: a second request finds the first one's job.
    Column("idempotency_key", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("max_attempts", Integer, nullable=False, server_default="3"),
    Column("run_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    # The higher comes first among an organisation's own; between organisations it says nothing.
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("lease_expires_at", DateTime(timezone=True)),
    Column("progress", JSONB, nullable=False, server_default=text("'{}'")),
    Column("result", JSONB),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("dagster_run_id", Text),
    # The worker of a running job is asked to stop; it does at its next page or batch.
    Column("cancel_requested_at", DateTime(timezone=True)),
    # The job that this one does again, with other arguments perhaps.
    Column("replay_of", Uuid, ForeignKey("job.id", ondelete="SET NULL"), index=True),
    Column("requested_by", Uuid, ForeignKey("app_user.id", ondelete="SET NULL")),
    created_at(),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint(
        "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
        name="status",
    ),
    UniqueConstraint("org_id", "idempotency_key", postgresql_nulls_not_distinct=True),
    Index("ix_job_due", "status", "run_at"),
    # Each organisation's own order, for turns between them.
    Index(
        "ix_job_turn",
        "org_id",
        text("priority DESC"),
        "run_at",
        "id",
        postgresql_where=text("status = 'queued'"),
    ),
    app="SELECT, INSERT, UPDATE",
    overview={
        "SELECT": (
            *("id", "org_id", "connection_id", "kind", "arguments", "idempotency_key", "status", "attempts"),
            *("max_attempts", "run_at", "lease_expires_at", "progress", "error_code", "dagster_run_id"),
            *("cancel_requested_at", "replay_of", "created_at", "started_at", "finished_at", "priority"),
        ),
        "INSERT": (
            "org_id",
            "connection_id",
            "kind",
            "arguments",
            "idempotency_key",
            "replay_of",
            "priority",
        ),
        "UPDATE": (
            *(
                "status",
                "attempts",
                "max_attempts",
                "run_at",
                "cancel_requested_at",
                "started_at",
                "finished_at",
            ),
            *("lease_expires_at", "error_code", "error_message"),
        ),
    },
)

schedule = tenant_table(
    "schedule",
    Access.WORKER,
    generated_id(),
    # NULL: the platform's own work.
    Column("org_id", Uuid, ForeignKey("organisation.id", ondelete="CASCADE")),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), index=True),
    Column("kind", Text, nullable=False),
    Column("arguments", JSONB, nullable=False, server_default=text("'{}'")),
    Column("interval_seconds", Integer),
    # Five fields; read in the schedule's own time zone, so that seven in the morning stays that in summer.
    Column("cron", Text),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    # The most by which a time is put off, always by the same for one schedule: a thousand do not come at once.
    Column("jitter_seconds", Integer, nullable=False, server_default="0"),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    # NULL: not reckoned yet; reconcile does.
    Column("next_run_at", DateTime(timezone=True)),
    Column("last_run_at", DateTime(timezone=True)),
    created_at(),
    CheckConstraint("num_nonnulls(interval_seconds, cron) = 1", name="rhythm"),
    CheckConstraint("interval_seconds > 0", name="interval"),
    UniqueConstraint("org_id", "connection_id", "kind", postgresql_nulls_not_distinct=True),
    Index("ix_schedule_due", "next_run_at", postgresql_where=text("enabled")),
    app="",
    identity="SELECT, UPDATE",
)

kill_switch = tenant_table(
    "kill_switch",
    Access.WORKER,
    generated_id(),
    # Neither: everything stands still.
    Column("connector", Text),
    Column("org_id", Uuid, ForeignKey("organisation.id", ondelete="CASCADE")),
    Column("reason", Text, nullable=False),
    # An administrator's address, or "the command line".
    Column("thrown_by", Text, nullable=False),
    created_at("thrown_at"),
    CheckConstraint("num_nonnulls(connector, org_id) <= 1", name="scope"),
    UniqueConstraint("connector", "org_id", postgresql_nulls_not_distinct=True),
    app="",
    identity="SELECT, INSERT, DELETE",
)

call_budget = tenant_table(
    "call_budget",
    Access.WORKER,
    generated_id(),
    # A bucket of the provider for everybody, of one organisation's calls to it, or of one connection's.
    Column("provider", Text, nullable=False),
    Column("org_id", Uuid, ForeignKey("organisation.id", ondelete="CASCADE")),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), index=True),
    # What was left at that moment, by the database's clock; it fills at a rate that the settings give.
    Column("tokens", Double, nullable=False),
    Column("counted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    UniqueConstraint("provider", "org_id", "connection_id", postgresql_nulls_not_distinct=True),
    app="",
)
