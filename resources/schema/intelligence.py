"""Intelligence objects and their evidence. The database refuses an object without a verified quote."""

from __future__ import annotations

from sqlalchemy import REAL, CheckConstraint, Column, DateTime, ForeignKey, Index, Integer, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from resources.schema.base import Access, audience_id, created_at, derived_id, inherited_org_id, tenant_table

intelligence_object = tenant_table(
    "intelligence_object",
    Access.CONTENT,
    derived_id(),
    inherited_org_id(),
    audience_id(),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("slots", JSONB, nullable=False, server_default=text("'{}'")),
    Column("confidence", REAL, nullable=False),
    # When it was true, as far as the source says; and when we learnt it and stopped believing it.
    Column("valid_from", DateTime(timezone=True)),
    Column("valid_to", DateTime(timezone=True)),
    created_at("recorded_at"),
    Column("superseded_at", DateTime(timezone=True)),
    # Since when it is so old that nobody should rest on it unasked; what it says stays as it is.
    Column("stale_since", DateTime(timezone=True)),
    Column("document_id", Uuid, ForeignKey("document.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("extractor_version", Text, nullable=False),
    CheckConstraint("kind IN ('commitment', 'decision', 'risk', 'claim', 'advice', 'task')", name="kind"),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
    Index("ix_intelligence_object_listing", "org_id", "kind", "recorded_at", "id"),
    # The same for lists of every kind, which would sort all that there is.
    Index(
        "ix_intelligence_object_recorded",
        "org_id",
        "recorded_at",
        "id",
        postgresql_where=text("superseded_at IS NULL"),
    ),
    # What may grow stale and has not, oldest first.
    Index(
        "ix_intelligence_object_fresh",
        "org_id",
        "recorded_at",
        postgresql_where=text("stale_since IS NULL AND superseded_at IS NULL AND kind <> 'decision'"),
    ),
)

evidence = tenant_table(
    "evidence",
    Access.CONTENT,
    derived_id(),
    inherited_org_id(),
    audience_id(),
    Column(
        "object_id",
        Uuid,
        ForeignKey("intelligence_object.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("document_id", Uuid, ForeignKey("document.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("chunk_id", Uuid, ForeignKey("chunk.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("quote", Text, nullable=False),
    # Offsets into document.text; a trigger checks that the chunk says exactly this there.
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer),
    Column("boxes", JSONB, nullable=False, server_default=text("'[]'")),
    CheckConstraint("quote <> ''", name="quote_not_empty"),
    CheckConstraint('char_length(quote) = "end" - start', name="offsets"),
)
