"""The database as data: tables, and for each of them who may see which rows.

Tables are SQLAlchemy Core and mirror what ``resources/migrations`` builds; a test compares the two. Nothing
here opens a connection.
"""

from resources.schema.audit import audit_anchor, audit_entry, audit_head
from resources.schema.base import Access, metadata
from resources.schema.content import block, chunk, chunk_index, chunk_stat, document, record, term_stat
from resources.schema.execution import consumer_offset, event, job, outbox
from resources.schema.identity import (
    api_key,
    app_user,
    audience,
    audience_member,
    membership,
    organisation,
)
from resources.schema.intelligence import evidence, intelligence_object
from resources.schema.sources import (
    connection,
    connection_lease,
    connection_secret,
    skipped_item,
    source_item,
    stream_cursor,
    tombstone,
)

__all__ = [
    "Access",
    "api_key",
    "app_user",
    "audience",
    "audience_member",
    "audit_anchor",
    "audit_entry",
    "audit_head",
    "block",
    "chunk",
    "chunk_index",
    "chunk_stat",
    "connection",
    "connection_lease",
    "connection_secret",
    "consumer_offset",
    "document",
    "event",
    "evidence",
    "intelligence_object",
    "job",
    "membership",
    "metadata",
    "organisation",
    "outbox",
    "record",
    "skipped_item",
    "source_item",
    "stream_cursor",
    "term_stat",
    "tombstone",
]
