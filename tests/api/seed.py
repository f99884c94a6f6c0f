"""Content as the pipelines would have written it: an item, its document, blocks, a chunk, an object, its evidence."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select

from drovi_assets.connectors.intakes import Opened, open_intake
from drovi_assets.retrieval.index import IndexedChunk, index_chunks
from resources import audiences, schema
from resources.hashing import digest
from resources.object_store import ObjectStore
from resources.secrets import Purpose, SecretBox
from resources.webhooks import rotated
from tests.conftest import Database, Tenant
from tests.fakes.embedder import FakeEmbedder

QUOTE = "The seller shall deliver the audited accounts by 30 June 2026"
TITLE = "Share purchase agreement"


def text_of(title: str, quote: str) -> str:
    """A document's words."""
    return f"{title}\n\n{quote}, failing which the buyer may rescind."


TEXT = text_of(TITLE, QUOTE)
START = TEXT.index(QUOTE)
WRITTEN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Seeded:
    """The ids of one item and of everything derived from it."""

    connection_id: UUID
    item_id: UUID
    document_id: UUID
    chunk_id: UUID
    object_id: UUID
    evidence_id: UUID


def seed_connection(
    database: Database, tenant: Tenant, name: str = "Files", *, private: bool = False
) -> UUID:
    """A connection of the tenant's owner."""
    org_id, audience = tenant.principal.org_id, uuid4()
    with database.worker.organisation(org_id) as session:
        made = session.execute(
            insert(schema.connection)
            .values(
                org_id=org_id,
                owner_id=tenant.principal.user_id,
                connector="documents",
                name=name,
                visibility="PRIVATE" if private else "ORG_SHARED",
                audience_id=audience,
                config={"path": "/srv/files"},
            )
            .returning(schema.connection.c.id)
        ).scalar_one()
        audiences.found(session, org_id, made, audience)
    return made


def seed_intake(database: Database, box: SecretBox, tenant: Tenant, connection_id: UUID) -> Opened:
    """An address that messages for the connection come to."""
    org_id = tenant.principal.org_id
    with database.worker.organisation(org_id) as session:
        query = select(schema.connection.c.audience_id).where(schema.connection.c.id == connection_id)
        return open_intake(session, box, org_id, connection_id, session.execute(query).scalar_one())


def seed_webhook(
    database: Database, box: SecretBox, tenant: Tenant, url: str = "https://hooks.example/drovi"
) -> UUID:
    """An endpoint of the tenant's owner that is told of changes."""
    org_id = tenant.principal.org_id
    with database.worker.dispatch() as session:  # rises with time, as those that the API makes
        webhook_id: UUID = session.execute(select(func.uuidv7())).scalar_one()
    sealed = box.seal(org_id, webhook_id, rotated({}, None), purpose=Purpose.WEBHOOK)
    with database.worker.organisation(org_id) as session:
        session.execute(
            insert(schema.webhook_endpoint).values(
                id=webhook_id,
                org_id=org_id,
                user_id=tenant.principal.user_id,
                url=url,
                event_types=["objects.changed"],
                key_id=sealed.key_id,
                ciphertext=sealed.ciphertext,
            )
        )
    return webhook_id


def seed_delivery(database: Database, tenant: Tenant, webhook_id: UUID) -> UUID:
    """A message to an endpoint, given up."""
    values = {
        "org_id": tenant.principal.org_id,
        "user_id": tenant.principal.user_id,
        "endpoint_id": webhook_id,
        "event_id": uuid4(),
        "type": "ping",
        "payload": '{"type":"ping","timestamp":"2026-03-01T09:00:00Z","data":{}}',
        "status": "dead",
        "attempts": 11,
    }
    with database.worker.dispatch() as session:
        statement = insert(schema.webhook_delivery).values(values)
        return session.execute(statement.returning(schema.webhook_delivery.c.id)).scalar_one()


def seed_content(
    database: Database,
    tenant: Tenant,
    connection_id: UUID,
    path: str = "contract.pdf",
    *,
    day: int | None = 0,
    readers: Collection[str] | None = None,
    title: str = TITLE,
    quote: str = QUOTE,
) -> Seeded:
    """One parsed page that promises something, written ``day`` days after ``WRITTEN``; undated for None.

    Its source's readers see it, or of those the ``readers`` that its provider names.
    """
    org_id, text = tenant.principal.org_id, text_of(title, quote)
    start = text.index(quote)
    ids = [uuid4() for _ in range(5)]
    item_id, document_id, chunk_id, object_id, evidence_id = ids
    occurred_at = None if day is None else WRITTEN + timedelta(days=day)
    with database.worker.organisation(org_id) as session:
        audience = audiences.of_source(session, org_id, connection_id, readers)
        owned = {"org_id": org_id, "audience_id": audience}
        source_item_id = session.execute(
            insert(schema.source_item)
            .values(
                **owned,
                connection_id=connection_id,
                stream="files",
                provider_id=path,
                content_hash=digest(path, str(connection_id)),
                version=1,
                window="2026-03",
                payload='{"size":1}',
            )
            .returning(schema.source_item.c.id)
        ).scalar_one()
        rows = (
            (
                schema.record,
                {
                    "id": item_id,
                    "connection_id": connection_id,
                    "source_item_id": source_item_id,
                    "kind": "document",
                    "title": title,
                    "path": path,
                    "occurred_at": occurred_at,
                    "normaliser_version": "1",
                },
            ),
            (
                schema.document,
                {
                    "id": document_id,
                    "record_id": item_id,
                    "path": path,
                    "title": title,
                    "media_type": "application/pdf",
                    "language": "en",
                    "occurred_at": occurred_at,
                    "bytes": 1234,
                    "status": "parsed",
                    "pages": [[595.0, 842.0]],
                    "text": text,
                    "parser_version": "1",
                    "digest": digest(text),
                },
            ),
            (schema.block, _block(document_id, 0, "title", 0, start - 2)),
            (schema.block, _block(document_id, 1, "paragraph", start, len(text))),
            (
                schema.chunk,
                {
                    "id": chunk_id,
                    "document_id": document_id,
                    "ordinal": 0,
                    "start": 0,
                    "end": len(text),
                    "page": 1,
                    "section": title,
                    "text": text,
                },
            ),
            (
                schema.intelligence_object,
                {
                    "id": object_id,
                    "kind": "commitment",
                    "text": quote,
                    "slots": {"who": "the seller", "due": "2026-06-30"},
                    "confidence": 0.9,
                    "document_id": document_id,
                    "extractor_version": "1",
                },
            ),
            (
                schema.evidence,
                {
                    "id": evidence_id,
                    "object_id": object_id,
                    "document_id": document_id,
                    "chunk_id": chunk_id,
                    "quote": quote,
                    "start": start,
                    "end": start + len(quote),
                    "page": 1,
                    "boxes": [[72.0, 100.0, 500.0, 112.0]],
                },
            ),
        )
        for table, values in rows:
            session.execute(insert(table).values(**owned, **values))
        index_chunks(
            session,
            org_id,
            [IndexedChunk(chunk_id, audience, text, (title,), "en")],
            FakeEmbedder(),
        )
    return Seeded(connection_id, *ids)


def seed_job(
    database: Database,
    tenant: Tenant,
    connection_id: UUID | None,
    kind: str = "sync",
    status: str = "succeeded",
) -> UUID:
    """A finished job, or one in another state."""
    with database.worker.organisation(tenant.principal.org_id) as session:
        return session.execute(
            insert(schema.job)
            .values(
                org_id=tenant.principal.org_id,
                connection_id=connection_id,
                kind=kind,
                idempotency_key=str(uuid4()),
                status=status,
            )
            .returning(schema.job.c.id)
        ).scalar_one()


@dataclass(frozen=True, slots=True)
class Asked:
    """The ids of jobs about one source: one that waits, one that failed."""

    waiting_id: UUID
    failed_id: UUID


def seed_asked(database: Database, tenant: Tenant, connection_id: UUID) -> Asked:
    """Both."""
    waiting, failed = (
        seed_job(database, tenant, connection_id, "backfill", status) for status in ("queued", "failed")
    )
    return Asked(waiting, failed)


@dataclass(frozen=True, slots=True)
class Duties:
    """The ids of a standing hold, of a receipt, and of an export with its list of members."""

    hold_id: UUID
    receipt_id: UUID
    export_id: UUID


def seed_duties(database: Database, objects: ObjectStore, tenant: Tenant, held: UUID) -> Duties:
    """A hold on a connection, the receipt of another one's erasure, and an export that is ready."""
    org_id, user_id = tenant.principal.org_id, tenant.principal.user_id
    ids = Duties(uuid4(), uuid4(), uuid4())
    part = objects.put(f"export-{ids.export_id}", b"name,email,role,joined_at\r\n")
    now = datetime.now(UTC)
    mine = {"org_id": org_id, "user_id": user_id}
    with database.worker.organisation(org_id) as session:
        for table, values in (
            (
                schema.legal_hold,
                {
                    "id": ids.hold_id,
                    "org_id": org_id,
                    "connection_id": held,
                    "reason": "Morel v. Dubois",
                    "placed_by": user_id,
                },
            ),
            (
                schema.erasure_receipt,
                {
                    "id": ids.receipt_id,
                    "org_id": org_id,
                    "kind": "connection",
                    "subject_id": uuid4(),
                    "counts": {"items": 3},
                    "requested_by": user_id,
                    "finished_at": now,
                },
            ),
            (
                schema.export,
                {
                    **mine,
                    "id": ids.export_id,
                    "job_id": uuid4(),
                    "finished_at": now,
                    "expires_at": now + timedelta(days=7),
                },
            ),
            (
                schema.export_part,
                {
                    **mine,
                    "export_id": ids.export_id,
                    "number": 0,
                    "name": "members.csv",
                    "sha256": part,
                    "bytes": 27,
                    "rows": 0,
                    "position": {"section": 0, "after": None},
                },
            ),
        ):
            session.execute(insert(table).values(**values))
    return ids


def _block(document_id: UUID, ordinal: int, kind: str, start: int, end: int) -> dict[str, object]:
    return {
        "document_id": document_id,
        "ordinal": ordinal,
        "kind": kind,
        "start": start,
        "end": end,
        "page": 1,
        "boxes": [[72.0, 90.0, 500.0, 120.0]],
    }
