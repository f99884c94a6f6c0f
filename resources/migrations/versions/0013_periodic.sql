-- What is done again and again: reports by mail, reading with a later extractor, growing stale ------------------

ALTER TABLE membership ADD COLUMN report TEXT DEFAULT 'none' NOT NULL,
    ADD CONSTRAINT ck_membership_report CHECK (report IN ('none', 'daily', 'weekly'));

-- Empty for what is there: it is read again, which changes nothing where the extractor is the same.
ALTER TABLE document ADD COLUMN extractor_version TEXT DEFAULT '' NOT NULL;
CREATE INDEX IF NOT EXISTS ix_document_extractor ON document (org_id, extractor_version);

ALTER TABLE intelligence_object ADD COLUMN stale_since TIMESTAMP WITH TIME ZONE;
CREATE INDEX IF NOT EXISTS ix_intelligence_object_fresh ON intelligence_object (org_id, recorded_at)
    WHERE stale_since IS NULL AND superseded_at IS NULL AND kind <> 'decision';
