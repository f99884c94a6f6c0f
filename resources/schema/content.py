"""What is derived from source items to be read and searched: records, documents, blocks, chunks, index."""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources.records import KINDS
from resources.schema.base import Access, audience_id, derived_id, inherited_org_id, org_id, tenant_table

EMBEDDING_DIMENSIONS = 384
"""The vector width of all-MiniLM-L6-v2."""

record = tenant_table(
    "record",
    Access.CONTENT,
    derived_id(),
    inherited_org_id(),
    audience_id(),
    Column("connection_id", Uuid, ForeignKey("connection.id", ondelete="CASCADE"), nullable=False),
    Column(
        "source_item_id", Uuid, ForeignKey("source_item.id", ondelete="CASCADE"), nullable=False, unique=True
    ),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False, server_default=""),
    Column("path", Text, nullable=False),
    Column("occurred_at", DateTime(timezone=True)),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    Column("normaliser_version", Text, nullable=False),
    # Set when a newer version of the source item took over: kept for "what did we believe on day X?".
    Column("superseded_at", DateTime(timezone=True)),
    CheckConstraint(f"kind IN {KINDS}", name="kind"),
    Index("ix_record_listing", "org_id", "occurred_at", "id"),
    Index("ix_record_of_connection", "connection_id", "occurred_at", "id"),
)
DEPENDENCIES = {"st_record_connection": (record.c.org_id, record.c.connection_id)}
"""Columns that follow from one another, told to the planner as extended statistics, by their name.

Taken as independent, an organisation's share times a source's share of the rows left next to none to expect: all of a
source's items were sorted for each page of them.
"""

document = tenant_table(
    "document",
    Access.CONTENT,
    derived_id(),
    inherited_org_id(),
    audience_id(),
    Column("record_id", Uuid, ForeignKey("record.id", ondelete="CASCADE"), nullable=False, index=True),
    # The mail or archive this document was attached to.
    Column("parent_id", Uuid, ForeignKey("document.id", ondelete="CASCADE"), index=True),
    Column("path", Text, nullable=False),
    Column("title", Text, nullable=False, server_default=""),
    Column("media_type", Text, nullable=False),
    Column("language", Text, nullable=False, server_default=""),
    Column("author", Text, nullable=False, server_default=""),
    Column("occurred_at", DateTime(timezone=True)),
    Column("blob", Text),
    Column("bytes", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    # Why a refused file was refused, and what its owner can do about it.
    Column("reason", Text, nullable=False, server_default=""),
    Column("warnings", JSONB, nullable=False, server_default=text("'[]'")),
    # [[width, height], ...] in points, page 1 first.
    Column("pages", JSONB, nullable=False, server_default=text("'[]'")),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    Column("text", Text, nullable=False, server_default=""),
    Column("parser_version", Text, nullable=False),
    # Which extractor read it last; a later one reads it again, little by little.
    Column("extractor_version", Text, nullable=False, server_default=""),
    # Over the parsed blocks and chunks: a replay that yields the same writes nothing.
    Column("digest", LargeBinary, nullable=False),
    Column("superseded_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('parsed', 'refused')", name="status"),
    CheckConstraint("status = 'parsed' OR reason <> ''", name="refusal_has_reason"),
    # A file is deleted from the object store once no document names it any more.
    Index("ix_document_blob", "blob", postgresql_where=text("blob IS NOT NULL")),
    Index("ix_document_extractor", "org_id", "extractor_version"),
)

block = tenant_table(
    "block",
    Access.CONTENT,
    Column("document_id", Uuid, ForeignKey("document.id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    inherited_org_id(),
    audience_id(),
    Column("kind", Text, nullable=False),
    # The block's text is document.text[start:end]: one copy of the words, not two.
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer),
    Column("section", Text, nullable=False, server_default=""),
    Column("boxes", JSONB, nullable=False, server_default=text("'[]'")),
    Column("html", Text, nullable=False, server_default=""),
    # start, end of every word, counted from the block's start; and x0, y0, x1, y1 of each, in points.
    Column("word_offsets", ARRAY(Integer), nullable=False, server_default="{}"),
    Column("word_boxes", ARRAY(REAL), nullable=False, server_default="{}"),
)

chunk = tenant_table(
    "chunk",
    Access.CONTENT,
    derived_id(),
    inherited_org_id(),
    audience_id(),
    Column("document_id", Uuid, ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer),
    Column("section", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False),
    UniqueConstraint("document_id", "ordinal"),
    CheckConstraint('char_length(text) = "end" - start', name="offsets"),
)

chunk_index = tenant_table(
    "chunk_index",
    Access.CONTENT,
    Column("chunk_id", Uuid, ForeignKey("chunk.id", ondelete="CASCADE"), primary_key=True),
    inherited_org_id(),
    audience_id(),
    # Hashed stems, sorted, salted with the organisation so that one tenant's postings never meet another's.
    Column("terms", ARRAY(Integer), nullable=False),
    Column("frequencies", ARRAY(SmallInteger), nullable=False),
    Column("length", Integer, nullable=False),
    Column("embedding", HALFVEC(EMBEDDING_DIMENSIONS), nullable=False),
    # Model and precision: vectors of two models are never compared.
    Column("model", Text, nullable=False),
    Index("ix_chunk_index_terms", "terms", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    Index(
        "ix_chunk_index_embedding",
        "embedding",
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "halfvec_ip_ops"},
        postgresql_with={"m": 16, "ef_construction": 64},
    ),
    # Holds the vectors as well, so that the caller's are compared one by one without a look at the table.
    Index(
        "ix_chunk_index_audience",
        "org_id",
        "audience_id",
        "model",
        postgresql_include=["chunk_id", "embedding"],
    ),
)

term_stat = tenant_table(
    "term_stat",
    Access.WORKER_ORGANISATION,
    org_id(primary_key=True),
    Column("term", Integer, primary_key=True),
    # By audience: a weight that counted what the caller may not read would tell them which words stand in it.
    Column("audience_id", Uuid, primary_key=True),
    Column("chunks", Integer, nullable=False),
    app="",  # counts over every audience: only the search function reads them
)

chunk_stat = tenant_table(
    "chunk_stat",
    Access.WORKER_ORGANISATION,
    inherited_org_id(),
    Column("audience_id", Uuid, ForeignKey("audience.id", ondelete="CASCADE"), primary_key=True),
    Column("chunks", BigInteger, nullable=False),
    Column("terms", BigInteger, nullable=False),
    app="",
)
