"""Proof before prose, held by the database: no object without a verified quote, whoever writes it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.exc import IntegrityError

from resources import audiences
from resources.schema import chunk, document, evidence, intelligence_object, record, source_item
from resources.schema import connection as connection_table
from tests.conftest import Database, Tenant

TEXT = "Nous vous adresserons le projet d’acte avant le 15 mars. Rien d'autre."


@dataclass(frozen=True)
class Content:
    """A document of one chunk, and what a row beside it must carry."""

    tenant: dict[str, UUID]
    document_id: UUID
    chunk_id: UUID


@pytest.fixture
def content(database: Database, tenant: Tenant) -> Content:
    org_id, user_id = tenant.principal.org_id, tenant.principal.user_id
    ids = {name: uuid4() for name in ("connection", "item", "record", "document", "chunk")}
    with database.worker.organisation(org_id) as session:
        shared = {"org_id": org_id, "audience_id": audiences.of_organisation(session, org_id)}
        session.execute(
            insert(connection_table).values(
                **shared, id=ids["connection"], owner_id=user_id, connector="documents", name="files"
            )
        )
        session.execute(
            insert(source_item).values(
                **shared,
                id=ids["item"],
                connection_id=ids["connection"],
                stream="files",
                provider_id="a.txt",
                content_hash=b"x" * 32,
                version=1,
                window="2026-11",
                payload="{}",
            )
        )
        session.execute(
            insert(record).values(
                **shared,
                id=ids["record"],
                connection_id=ids["connection"],
                source_item_id=ids["item"],
                kind="document",
                path="a.txt",
                normaliser_version="1",
            )
        )
        session.execute(
            insert(document).values(
                **shared,
                id=ids["document"],
                record_id=ids["record"],
                path="a.txt",
                media_type="text/plain",
                bytes=1,
                status="parsed",
                text=TEXT,
                parser_version="1",
                digest=b"x",
            )
        )
        session.execute(
            insert(chunk).values(
                **shared,
                id=ids["chunk"],
                document_id=ids["document"],
                ordinal=0,
                start=0,
                end=len(TEXT),
                text=TEXT,
            )
        )
    return Content(shared, ids["document"], ids["chunk"])


def _object(session: Connection, content: Content) -> UUID:
    key = uuid4()
    session.execute(
        insert(intelligence_object).values(
            **content.tenant,
            id=key,
            kind="commitment",
            text="x",
            confidence=0.9,
            document_id=content.document_id,
            extractor_version="1",
        )
    )
    return key


def _evidence(session: Connection, content: Content, object_id: UUID, quote: str, start: int) -> None:
    session.execute(
        insert(evidence).values(
            **content.tenant,
            id=uuid4(),
            object_id=object_id,
            document_id=content.document_id,
            chunk_id=content.chunk_id,
            quote=quote,
            start=start,
            end=start + len(quote),
        )
    )


def test_a_verbatim_quote_is_accepted(database: Database, tenant: Tenant, content: Content) -> None:
    """Offsets count code points, accents and typographic quotes included."""
    quote = "d’acte avant le 15 mars"
    with database.worker.organisation(tenant.principal.org_id) as session:
        _evidence(session, content, _object(session, content), quote, TEXT.index(quote))


def test_an_object_without_evidence_does_not_commit(
    database: Database, tenant: Tenant, content: Content
) -> None:
    with (
        pytest.raises(IntegrityError, match="no evidence"),
        database.worker.organisation(tenant.principal.org_id) as session,
    ):
        _object(session, content)


@pytest.mark.parametrize(
    ("quote", "start"), [("Nous vous adresserons", 1), ("nous vous adresserons", 0), ("Rien de plus.", 57)]
)
def test_a_quote_that_is_not_there_is_refused(
    database: Database, tenant: Tenant, content: Content, quote: str, start: int
) -> None:
    """One character beside its place, in another case, or never written: all refused."""
    with (
        pytest.raises(IntegrityError, match="does not stand"),
        database.worker.organisation(tenant.principal.org_id) as session,
    ):
        _evidence(session, content, _object(session, content), quote, start)


def test_the_last_evidence_cannot_be_taken_away(database: Database, tenant: Tenant, content: Content) -> None:
    """Nor can an object be left standing on nothing later."""
    with database.worker.organisation(tenant.principal.org_id) as session:
        _evidence(session, content, _object(session, content), "Nous", 0)
    with (
        pytest.raises(IntegrityError, match="no evidence"),
        database.worker.organisation(tenant.principal.org_id) as session,
    ):
        session.execute(delete(evidence))


def test_words_that_are_quoted_cannot_be_rewritten(
    database: Database, tenant: Tenant, content: Content
) -> None:
    with (
        pytest.raises(IntegrityError, match="immutable"),
        database.worker.organisation(tenant.principal.org_id) as session,
    ):
        session.execute(update(chunk).values(text=TEXT.replace("mars", "juin")))


def test_a_document_takes_its_objects_along(database: Database, tenant: Tenant, content: Content) -> None:
    """Deleting a document deletes what rests on it, in one statement, past the deferred constraint."""
    with database.worker.organisation(tenant.principal.org_id) as session:
        _evidence(session, content, _object(session, content), "Nous", 0)
    with database.worker.organisation(tenant.principal.org_id) as session:
        session.execute(delete(document).where(document.c.id == content.document_id))
