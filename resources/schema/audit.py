"""The audit log: who did what to which object, as a chain of hashes for each organisation.

Rows come from the function ``audit_append`` alone (``resources/migrations/versions/0003_audit.sql``), which also
says how a hash is made. There is no foreign key to the organisation: the platform's own chain belongs to none, and
an organisation's chain outlives its row until ``audit_erase`` takes it away on purpose.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, DateTime, Index, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from resources.schema.base import Access, created_at, tenant_table

audit_entry = tenant_table(
    "audit_entry",
    Access.ORGANISATION,
    Column("org_id", Uuid, primary_key=True),
    # From 1, without a gap.
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    # The name or e-mail address as it was then: the actor may be gone when somebody asks.
    Column("actor_label", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    # What the log is asked for; of a million entries a rare one took 500 ms without.
    Index("ix_audit_entry_subject", "org_id", "subject_id", "sequence"),
    Index("ix_audit_entry_actor", "org_id", "actor_id", "sequence"),
    Index("ix_audit_entry_action", "org_id", "action", "sequence"),
    Index("ix_audit_entry_at", "org_id", "at"),
    CheckConstraint("actor_kind IN ('user', 'api_key', 'admin', 'system')", name="actor_kind"),
    CheckConstraint("action <> ''", name="action"),
    app="SELECT",  # the API asks for an administrator first
    worker="SELECT",
)

audit_head = tenant_table(
    "audit_head",
    Access.WORKER,
    Column("org_id", Uuid, primary_key=True),
    # The last entry of the chain, so that a tail cannot be cut off unnoticed, and the row that appends queue on.
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    app="",
    worker="SELECT",
)

audit_anchor = tenant_table(
    "audit_anchor",
    Access.WORKER,
    # The last anchor, decided here before it is put into the object store: a crash in between repeats the same one.
    # What proves something is the one in the store.
    Column("org_id", Uuid, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("previous", Text, nullable=False),
    created_at("anchored_at"),
    Column("stored", Boolean, nullable=False, server_default="false"),
    app="",
    worker="SELECT, INSERT, UPDATE",
)
