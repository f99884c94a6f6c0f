"""Events on their way: the transactional outbox, the Postgres log, how far it was consumed, and what went wrong."""

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
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources.schema.base import Access, created_at, generated_id, org_id, tenant_table

outbox = tenant_table(
    "outbox",
    Access.WORKER,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    org_id(),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", JSONB, nullable=False, server_default=text("'{}'")),
    Column("payload", LargeBinary, nullable=False),
    # Given before it is published to a log outside, and kept until it is: see resources.events.relay.
    Column("sequence", BigInteger),
    created_at(),
    app="",
    overview={"SELECT": ("id", "topic", "created_at")},
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
    # How far behind consumers are, by number and by time.
    overview={"SELECT": ("topic", "partition", "offset", "created_at")},
)

consumer_offset = tenant_table(
    "consumer_offset",
    Access.WORKER,
    Column("consumer_group", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    # The next offset to read; moves in the same transaction as the effects of what was read.
    Column("offset", BigInteger, nullable=False),
    # The last sequence number handled: an event that was published twice has two offsets and one of these.
    Column("sequence", BigInteger, nullable=False, server_default="-1"),
    # A dependency of the handler is away: the partition waits until then, and says for what.
    Column("paused_until", DateTime(timezone=True)),
    Column("paused_for", Text),
    # How often in a row it was paused; the waits grow with it.
    Column("pauses", Integer, nullable=False, server_default="0"),
    created_at("moved_at"),
    app="",
    identity="SELECT",
)

delayed_event = tenant_table(
    "delayed_event",
    Access.WORKER,
    generated_id(),
    org_id(),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", JSONB, nullable=False, server_default=text("'{}'")),
    Column("payload", LargeBinary, nullable=False),
    Column("not_before", DateTime(timezone=True), nullable=False, index=True),
    created_at(),
    Index("ix_delayed_event_key", "org_id", "key"),
    app="",
    overview={"SELECT": ("id", "topic", "not_before")},
)

dead_letter = tenant_table(
    "dead_letter",
    Access.WORKER,
    generated_id(),
    # NULL: it came from outside and names no organisation that there is.
    Column("org_id", Uuid, ForeignKey("organisation.id", ondelete="CASCADE")),
    # Where it was first read, whatever topics it went through since.
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("consumer_group", Text, nullable=False),
    Column("key", Text, nullable=False),
    # All that is known of its way: attempts, first and last error, origin.
    Column("headers", JSONB, nullable=False, server_default=text("'{}'")),
    Column("payload", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error_message", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="dead"),
    # Who settled it and, of one that was dropped, why.
    Column("settled_by", Text),
    Column("reason", Text),
    created_at("died_at"),
    Column("settled_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('dead', 'replaying', 'replayed', 'dropped')", name="status"),
    CheckConstraint("status <> 'dropped' OR reason <> ''", name="reason"),
    Index("ix_dead_letter_listing", "status", "topic", "id"),
    Index("ix_dead_letter_key", "org_id", "key"),
    app="",
    overview={
        "SELECT": (
            *("id", "org_id", "topic", "partition", "offset", "consumer_group", "attempts", "error_code"),
            *("status", "settled_by", "reason", "died_at", "settled_at"),
        ),
        "UPDATE": ("status", "settled_by", "reason", "settled_at"),
    },
)
