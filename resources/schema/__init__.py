"""The database as data: tables, and for each of them who may see which rows.

Tables are SQLAlchemy Core and mirror what ``resources/migrations`` builds; a test compares the two. Nothing
here opens a connection.
"""

from resources.schema.audit import audit_anchor, audit_entry, audit_head
from resources.schema.base import Access, metadata
from resources.schema.compliance import erasure_receipt, export, export_part, legal_hold
from resources.schema.content import block, chunk, chunk_index, chunk_stat, document, record, term_stat
from resources.schema.credentials import (
    admin_session,
    admin_user,
    identity_link,
    oidc_sign_in,
    one_time_token,
    outgoing_mail,
    rate_limit,
    user_credential,
    user_session,
)
from resources.schema.events import consumer_offset, dead_letter, delayed_event, event, outbox
from resources.schema.execution import call_budget, job, kill_switch, schedule
from resources.schema.identity import (
    api_key,
    app_user,
    audience,
    audience_member,
    invitation,
    membership,
    organisation,
    organisation_policy,
    reader_set,
    reader_set_member,
)
from resources.schema.intelligence import evidence, intelligence_object
from resources.schema.sources import (
    connection,
    connection_event,
    connection_lease,
    connection_secret,
    skipped_item,
    source_item,
    stream_cursor,
    tombstone,
)
from resources.schema.webhooks import (
    subscription,
    webhook_delivery,
    webhook_endpoint,
    webhook_intake,
    webhook_message,
)

__all__ = [
    "Access",
    "admin_session",
    "admin_user",
    "api_key",
    "app_user",
    "audience",
    "audience_member",
    "audit_anchor",
    "audit_entry",
    "audit_head",
    "block",
    "call_budget",
    "chunk",
    "chunk_index",
    "chunk_stat",
    "connection",
    "connection_event",
    "connection_lease",
    "connection_secret",
    "consumer_offset",
    "dead_letter",
    "delayed_event",
    "document",
    "erasure_receipt",
    "event",
    "evidence",
    "export",
    "export_part",
    "identity_link",
    "intelligence_object",
    "invitation",
    "job",
    "kill_switch",
    "legal_hold",
    "membership",
    "metadata",
    "oidc_sign_in",
    "one_time_token",
    "organisation",
    "organisation_policy",
    "outbox",
    "outgoing_mail",
    "rate_limit",
    "reader_set",
    "reader_set_member",
    "record",
    "schedule",
    "skipped_item",
    "source_item",
    "stream_cursor",
    "subscription",
    "term_stat",
    "tombstone",
    "user_credential",
    "user_session",
    "webhook_delivery",
    "webhook_endpoint",
    "webhook_intake",
    "webhook_message",
]
