-- One section a table: columns, indexes, who may see which rows, who may do what.

CREATE TABLE app_user (
    id UUID DEFAULT uuidv7() NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_app_user PRIMARY KEY (id),
    CONSTRAINT uq_app_user_email UNIQUE (email)
);
ALTER TABLE app_user ENABLE ROW LEVEL SECURITY;
ALTER TABLE app_user FORCE ROW LEVEL SECURITY;
CREATE POLICY app_user_app ON app_user TO drovi_app USING (id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid)) WITH CHECK (id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid));
CREATE POLICY app_user_worker ON app_user TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON app_user TO drovi_worker;
GRANT SELECT ON app_user TO drovi_app;

CREATE TABLE consumer_offset (
    consumer_group TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    CONSTRAINT pk_consumer_offset PRIMARY KEY (consumer_group, topic, partition)
);
ALTER TABLE consumer_offset ENABLE ROW LEVEL SECURITY;
ALTER TABLE consumer_offset FORCE ROW LEVEL SECURITY;
CREATE POLICY consumer_offset_worker ON consumer_offset TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON consumer_offset TO drovi_worker;

CREATE TABLE organisation (
    id UUID DEFAULT uuidv7() NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_organisation PRIMARY KEY (id),
    CONSTRAINT uq_organisation_slug UNIQUE (slug)
);
ALTER TABLE organisation ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisation FORCE ROW LEVEL SECURITY;
CREATE POLICY organisation_app ON organisation TO drovi_app USING (id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY organisation_worker ON organisation TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON organisation TO drovi_worker;
GRANT SELECT ON organisation TO drovi_app;

CREATE TABLE api_key (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    user_id UUID NOT NULL,
    name TEXT NOT NULL,
    key_hash BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_api_key PRIMARY KEY (id),
    CONSTRAINT fk_api_key_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE,
    CONSTRAINT fk_api_key_user_id FOREIGN KEY(user_id) REFERENCES app_user (id) ON DELETE CASCADE,
    CONSTRAINT uq_api_key_key_hash UNIQUE (key_hash)
);
ALTER TABLE api_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_key FORCE ROW LEVEL SECURITY;
CREATE POLICY api_key_app ON api_key TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY api_key_worker ON api_key TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY api_key_auth ON api_key TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON api_key TO drovi_worker;
GRANT SELECT ON api_key TO drovi_auth;

CREATE TABLE audience (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    kind TEXT NOT NULL,
    member_key TEXT NOT NULL,
    CONSTRAINT pk_audience PRIMARY KEY (id),
    CONSTRAINT ck_audience_kind CHECK (kind IN ('organisation', 'owner', 'readers')),
    CONSTRAINT uq_audience_org_id_member_key UNIQUE (org_id, member_key),
    CONSTRAINT fk_audience_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE
);
ALTER TABLE audience ENABLE ROW LEVEL SECURITY;
ALTER TABLE audience FORCE ROW LEVEL SECURITY;
CREATE POLICY audience_app ON audience TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY audience_worker ON audience TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY audience_auth ON audience TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON audience TO drovi_worker;
GRANT SELECT ON audience TO drovi_app;
GRANT SELECT ON audience TO drovi_auth;

CREATE TABLE connection (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    owner_id UUID NOT NULL,
    connector TEXT NOT NULL,
    name TEXT NOT NULL,
    visibility TEXT DEFAULT 'ORG_SHARED' NOT NULL,
    audience_id UUID NOT NULL,
    config JSONB DEFAULT '{}' NOT NULL,
    status TEXT DEFAULT 'active' NOT NULL,
    status_detail TEXT DEFAULT '' NOT NULL,
    sync_interval_seconds INTEGER DEFAULT '4' NOT NULL,
    next_sync_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_synced_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_connection PRIMARY KEY (id),
    CONSTRAINT ck_connection_visibility CHECK (visibility IN ('ORG_SHARED', 'PRIVATE')),
    CONSTRAINT ck_connection_status CHECK (status IN ('active', 'paused', 'needs_person')),
    CONSTRAINT uq_connection_org_id_name UNIQUE (org_id, name),
    CONSTRAINT fk_connection_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE,
    CONSTRAINT fk_connection_owner_id FOREIGN KEY(owner_id) REFERENCES app_user (id)
);
CREATE INDEX ix_connection_next_sync_at ON connection (next_sync_at);
ALTER TABLE connection ENABLE ROW LEVEL SECURITY;
ALTER TABLE connection FORCE ROW LEVEL SECURITY;
CREATE POLICY connection_app ON connection TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY connection_worker ON connection TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON connection TO drovi_worker;
GRANT SELECT, INSERT, UPDATE ON connection TO drovi_app;

CREATE TABLE event (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    org_id UUID NOT NULL,
    key TEXT NOT NULL,
    headers JSONB DEFAULT '{}' NOT NULL,
    payload BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_event PRIMARY KEY (topic, partition, "offset"),
    CONSTRAINT fk_event_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE
);
ALTER TABLE event ENABLE ROW LEVEL SECURITY;
ALTER TABLE event FORCE ROW LEVEL SECURITY;
CREATE POLICY event_worker ON event TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON event TO drovi_worker;

CREATE TABLE membership (
    org_id UUID NOT NULL,
    user_id UUID NOT NULL,
    role TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_membership PRIMARY KEY (org_id, user_id),
    CONSTRAINT ck_membership_role CHECK (role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')),
    CONSTRAINT fk_membership_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE,
    CONSTRAINT fk_membership_user_id FOREIGN KEY(user_id) REFERENCES app_user (id) ON DELETE CASCADE
);
ALTER TABLE membership ENABLE ROW LEVEL SECURITY;
ALTER TABLE membership FORCE ROW LEVEL SECURITY;
CREATE POLICY membership_app ON membership TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY membership_worker ON membership TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY membership_auth ON membership TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON membership TO drovi_worker;
GRANT SELECT ON membership TO drovi_app;
GRANT SELECT ON membership TO drovi_auth;

CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    headers JSONB DEFAULT '{}' NOT NULL,
    payload BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_outbox PRIMARY KEY (id),
    CONSTRAINT fk_outbox_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE
);
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY outbox_worker ON outbox TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO drovi_worker;

CREATE TABLE term_stat (
    org_id UUID NOT NULL,
    term INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    CONSTRAINT pk_term_stat PRIMARY KEY (org_id, term),
    CONSTRAINT fk_term_stat_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE
);
ALTER TABLE term_stat ENABLE ROW LEVEL SECURITY;
ALTER TABLE term_stat FORCE ROW LEVEL SECURITY;
CREATE POLICY term_stat_worker ON term_stat TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY term_stat_search ON term_stat TO drovi_search USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON term_stat TO drovi_worker;
GRANT SELECT ON term_stat TO drovi_search;

CREATE TABLE audience_member (
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    user_id UUID NOT NULL,
    CONSTRAINT pk_audience_member PRIMARY KEY (audience_id, user_id),
    CONSTRAINT fk_audience_member_audience_id FOREIGN KEY(audience_id) REFERENCES audience (id) ON DELETE CASCADE,
    CONSTRAINT fk_audience_member_user_id FOREIGN KEY(user_id) REFERENCES app_user (id) ON DELETE CASCADE
);
CREATE INDEX ix_audience_member_user_id ON audience_member (user_id);
ALTER TABLE audience_member ENABLE ROW LEVEL SECURITY;
ALTER TABLE audience_member FORCE ROW LEVEL SECURITY;
CREATE POLICY audience_member_app ON audience_member TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND user_id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND user_id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid));
CREATE POLICY audience_member_worker ON audience_member TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY audience_member_auth ON audience_member TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON audience_member TO drovi_worker;
GRANT SELECT ON audience_member TO drovi_app;
GRANT SELECT ON audience_member TO drovi_auth;

CREATE TABLE chunk_stat (
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    chunks BIGINT NOT NULL,
    terms BIGINT NOT NULL,
    CONSTRAINT pk_chunk_stat PRIMARY KEY (audience_id),
    CONSTRAINT fk_chunk_stat_audience_id FOREIGN KEY(audience_id) REFERENCES audience (id) ON DELETE CASCADE
);
ALTER TABLE chunk_stat ENABLE ROW LEVEL SECURITY;
ALTER TABLE chunk_stat FORCE ROW LEVEL SECURITY;
CREATE POLICY chunk_stat_worker ON chunk_stat TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY chunk_stat_search ON chunk_stat TO drovi_search USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON chunk_stat TO drovi_worker;
GRANT SELECT ON chunk_stat TO drovi_search;

CREATE TABLE connection_lease (
    org_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    holder TEXT NOT NULL,
    fence BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_connection_lease PRIMARY KEY (connection_id),
    CONSTRAINT fk_connection_lease_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE
);
ALTER TABLE connection_lease ENABLE ROW LEVEL SECURITY;
ALTER TABLE connection_lease FORCE ROW LEVEL SECURITY;
CREATE POLICY connection_lease_worker ON connection_lease TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON connection_lease TO drovi_worker;

CREATE TABLE connection_secret (
    org_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    key_id TEXT NOT NULL,
    ciphertext BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_connection_secret PRIMARY KEY (connection_id),
    CONSTRAINT fk_connection_secret_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE
);
ALTER TABLE connection_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE connection_secret FORCE ROW LEVEL SECURITY;
CREATE POLICY connection_secret_app ON connection_secret TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY connection_secret_worker ON connection_secret TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON connection_secret TO drovi_worker;
GRANT INSERT ON connection_secret TO drovi_app;

CREATE TABLE job (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    connection_id UUID,
    kind TEXT NOT NULL,
    arguments JSONB DEFAULT '{}' NOT NULL,
    idempotency_key TEXT NOT NULL,
    status TEXT DEFAULT 'queued' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    max_attempts INTEGER DEFAULT '3' NOT NULL,
    run_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    lease_expires_at TIMESTAMP WITH TIME ZONE,
    progress JSONB DEFAULT '{}' NOT NULL,
    result JSONB,
    error_code TEXT,
    error_message TEXT,
    dagster_run_id TEXT,
    requested_by UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_job PRIMARY KEY (id),
    CONSTRAINT ck_job_status CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT uq_job_org_id_idempotency_key UNIQUE (org_id, idempotency_key),
    CONSTRAINT fk_job_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE,
    CONSTRAINT fk_job_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE,
    CONSTRAINT fk_job_requested_by FOREIGN KEY(requested_by) REFERENCES app_user (id)
);
CREATE INDEX ix_job_connection_id ON job (connection_id);
CREATE INDEX ix_job_due ON job (status, run_at);
ALTER TABLE job ENABLE ROW LEVEL SECURITY;
ALTER TABLE job FORCE ROW LEVEL SECURITY;
CREATE POLICY job_app ON job TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND (connection_id IS NULL OR connection_id IN (SELECT id FROM connection))) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND (connection_id IS NULL OR connection_id IN (SELECT id FROM connection)));
CREATE POLICY job_worker ON job TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON job TO drovi_worker;
GRANT SELECT, INSERT, UPDATE ON job TO drovi_app;

CREATE TABLE skipped_item (
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    stream TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_skipped_item PRIMARY KEY (connection_id, stream, provider_id),
    CONSTRAINT fk_skipped_item_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE
);
ALTER TABLE skipped_item ENABLE ROW LEVEL SECURITY;
ALTER TABLE skipped_item FORCE ROW LEVEL SECURITY;
CREATE POLICY skipped_item_app ON skipped_item TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY skipped_item_worker ON skipped_item TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON skipped_item TO drovi_worker;
GRANT SELECT ON skipped_item TO drovi_app;

CREATE TABLE source_item (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    stream TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    content_hash BYTEA NOT NULL,
    version BIGINT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE,
    "window" TEXT NOT NULL,
    payload TEXT NOT NULL,
    blob TEXT,
    landed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    superseded_at TIMESTAMP WITH TIME ZONE,
    processed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_source_item PRIMARY KEY (id),
    CONSTRAINT uq_source_item_identity UNIQUE (connection_id, stream, provider_id, content_hash),
    CONSTRAINT fk_source_item_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE
);
CREATE INDEX ix_source_item_blob ON source_item (blob) WHERE blob IS NOT NULL;
CREATE INDEX ix_source_item_pending ON source_item (connection_id, landed_at) WHERE processed_at IS NULL AND superseded_at IS NULL;
CREATE INDEX ix_source_item_window ON source_item (connection_id, "window");
CREATE UNIQUE INDEX uq_source_item_current ON source_item (connection_id, stream, provider_id) WHERE superseded_at IS NULL;
ALTER TABLE source_item ENABLE ROW LEVEL SECURITY;
ALTER TABLE source_item FORCE ROW LEVEL SECURITY;
CREATE POLICY source_item_app ON source_item TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY source_item_worker ON source_item TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON source_item TO drovi_worker;
GRANT SELECT ON source_item TO drovi_app;

CREATE TABLE stream_cursor (
    org_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    stream TEXT NOT NULL,
    scope TEXT NOT NULL,
    cursor JSONB NOT NULL,
    complete BOOLEAN DEFAULT false NOT NULL,
    items BIGINT DEFAULT '0' NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_stream_cursor PRIMARY KEY (connection_id, stream, scope),
    CONSTRAINT fk_stream_cursor_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE
);
ALTER TABLE stream_cursor ENABLE ROW LEVEL SECURITY;
ALTER TABLE stream_cursor FORCE ROW LEVEL SECURITY;
CREATE POLICY stream_cursor_worker ON stream_cursor TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON stream_cursor TO drovi_worker;

CREATE TABLE tombstone (
    org_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    stream TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    receipt JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT pk_tombstone PRIMARY KEY (connection_id, stream, provider_id),
    CONSTRAINT fk_tombstone_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE
);
CREATE INDEX ix_tombstone_unpurged ON tombstone (connection_id) WHERE receipt ? 'unpurged';
ALTER TABLE tombstone ENABLE ROW LEVEL SECURITY;
ALTER TABLE tombstone FORCE ROW LEVEL SECURITY;
CREATE POLICY tombstone_worker ON tombstone TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON tombstone TO drovi_worker;

CREATE TABLE record (
    id UUID NOT NULL,
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    source_item_id UUID NOT NULL,
    kind TEXT NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    path TEXT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE,
    metadata JSONB DEFAULT '{}' NOT NULL,
    normaliser_version TEXT NOT NULL,
    superseded_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_record PRIMARY KEY (id),
    CONSTRAINT ck_record_kind CHECK (kind IN ('message', 'document', 'event', 'contact', 'row')),
    CONSTRAINT fk_record_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE,
    CONSTRAINT uq_record_source_item_id UNIQUE (source_item_id),
    CONSTRAINT fk_record_source_item_id FOREIGN KEY(source_item_id) REFERENCES source_item (id) ON DELETE CASCADE
);
CREATE INDEX ix_record_listing ON record (org_id, occurred_at, id);
ALTER TABLE record ENABLE ROW LEVEL SECURITY;
ALTER TABLE record FORCE ROW LEVEL SECURITY;
CREATE POLICY record_app ON record TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY record_worker ON record TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON record TO drovi_worker;
GRANT SELECT ON record TO drovi_app;

CREATE TABLE document (
    id UUID NOT NULL,
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    record_id UUID NOT NULL,
    parent_id UUID,
    path TEXT NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    media_type TEXT NOT NULL,
    language TEXT DEFAULT '' NOT NULL,
    author TEXT DEFAULT '' NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE,
    blob TEXT,
    bytes BIGINT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    warnings JSONB DEFAULT '[]' NOT NULL,
    pages JSONB DEFAULT '[]' NOT NULL,
    metadata JSONB DEFAULT '{}' NOT NULL,
    text TEXT DEFAULT '' NOT NULL,
    parser_version TEXT NOT NULL,
    digest BYTEA NOT NULL,
    superseded_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_document PRIMARY KEY (id),
    CONSTRAINT ck_document_status CHECK (status IN ('parsed', 'refused')),
    CONSTRAINT ck_document_refusal_has_reason CHECK (status = 'parsed' OR reason <> ''),
    CONSTRAINT fk_document_record_id FOREIGN KEY(record_id) REFERENCES record (id) ON DELETE CASCADE,
    CONSTRAINT fk_document_parent_id FOREIGN KEY(parent_id) REFERENCES document (id) ON DELETE CASCADE
);
CREATE INDEX ix_document_blob ON document (blob) WHERE blob IS NOT NULL;
CREATE INDEX ix_document_parent_id ON document (parent_id);
CREATE INDEX ix_document_record_id ON document (record_id);
ALTER TABLE document ENABLE ROW LEVEL SECURITY;
ALTER TABLE document FORCE ROW LEVEL SECURITY;
CREATE POLICY document_app ON document TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY document_worker ON document TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON document TO drovi_worker;
GRANT SELECT ON document TO drovi_app;

CREATE TABLE block (
    document_id UUID NOT NULL,
    ordinal INTEGER NOT NULL,
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    kind TEXT NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    page INTEGER,
    section TEXT DEFAULT '' NOT NULL,
    boxes JSONB DEFAULT '[]' NOT NULL,
    html TEXT DEFAULT '' NOT NULL,
    word_offsets INTEGER[] DEFAULT '{}' NOT NULL,
    word_boxes REAL[] DEFAULT '{}' NOT NULL,
    CONSTRAINT pk_block PRIMARY KEY (document_id, ordinal),
    CONSTRAINT fk_block_document_id FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE
);
ALTER TABLE block ENABLE ROW LEVEL SECURITY;
ALTER TABLE block FORCE ROW LEVEL SECURITY;
CREATE POLICY block_app ON block TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY block_worker ON block TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON block TO drovi_worker;
GRANT SELECT ON block TO drovi_app;

CREATE TABLE chunk (
    id UUID NOT NULL,
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    document_id UUID NOT NULL,
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    page INTEGER,
    section TEXT DEFAULT '' NOT NULL,
    text TEXT NOT NULL,
    CONSTRAINT pk_chunk PRIMARY KEY (id),
    CONSTRAINT uq_chunk_document_id_ordinal UNIQUE (document_id, ordinal),
    CONSTRAINT ck_chunk_offsets CHECK (char_length(text) = "end" - start),
    CONSTRAINT fk_chunk_document_id FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE
);
ALTER TABLE chunk ENABLE ROW LEVEL SECURITY;
ALTER TABLE chunk FORCE ROW LEVEL SECURITY;
CREATE POLICY chunk_app ON chunk TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY chunk_worker ON chunk TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON chunk TO drovi_worker;
GRANT SELECT ON chunk TO drovi_app;

CREATE TABLE intelligence_object (
    id UUID NOT NULL,
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    slots JSONB DEFAULT '{}' NOT NULL,
    confidence REAL NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE,
    valid_to TIMESTAMP WITH TIME ZONE,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    superseded_at TIMESTAMP WITH TIME ZONE,
    document_id UUID NOT NULL,
    extractor_version TEXT NOT NULL,
    CONSTRAINT pk_intelligence_object PRIMARY KEY (id),
    CONSTRAINT ck_intelligence_object_kind CHECK (kind IN ('commitment', 'decision', 'risk', 'claim', 'advice', 'task')),
    CONSTRAINT ck_intelligence_object_confidence CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT fk_intelligence_object_document_id FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE
);
CREATE INDEX ix_intelligence_object_document_id ON intelligence_object (document_id);
CREATE INDEX ix_intelligence_object_listing ON intelligence_object (org_id, kind, recorded_at, id);
ALTER TABLE intelligence_object ENABLE ROW LEVEL SECURITY;
ALTER TABLE intelligence_object FORCE ROW LEVEL SECURITY;
CREATE POLICY intelligence_object_app ON intelligence_object TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY intelligence_object_worker ON intelligence_object TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON intelligence_object TO drovi_worker;
GRANT SELECT ON intelligence_object TO drovi_app;

CREATE TABLE chunk_index (
    chunk_id UUID NOT NULL,
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    terms INTEGER[] NOT NULL,
    frequencies SMALLINT[] NOT NULL,
    length INTEGER NOT NULL,
    embedding HALFVEC(384) NOT NULL,
    model TEXT NOT NULL,
    CONSTRAINT pk_chunk_index PRIMARY KEY (chunk_id),
    CONSTRAINT fk_chunk_index_chunk_id FOREIGN KEY(chunk_id) REFERENCES chunk (id) ON DELETE CASCADE
);
CREATE INDEX ix_chunk_index_audience ON chunk_index (org_id, audience_id, model) INCLUDE (chunk_id, embedding);
CREATE INDEX ix_chunk_index_embedding ON chunk_index USING hnsw (embedding halfvec_ip_ops) WITH (m = 16, ef_construction = 64);
CREATE INDEX ix_chunk_index_terms ON chunk_index USING gin (terms) WITH (fastupdate = off);
ALTER TABLE chunk_index ENABLE ROW LEVEL SECURITY;
ALTER TABLE chunk_index FORCE ROW LEVEL SECURITY;
CREATE POLICY chunk_index_app ON chunk_index TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY chunk_index_worker ON chunk_index TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY chunk_index_search ON chunk_index TO drovi_search USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON chunk_index TO drovi_worker;
GRANT SELECT ON chunk_index TO drovi_app;
GRANT SELECT ON chunk_index TO drovi_search;

CREATE TABLE evidence (
    id UUID NOT NULL,
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    object_id UUID NOT NULL,
    document_id UUID NOT NULL,
    chunk_id UUID NOT NULL,
    quote TEXT NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    page INTEGER,
    boxes JSONB DEFAULT '[]' NOT NULL,
    CONSTRAINT pk_evidence PRIMARY KEY (id),
    CONSTRAINT ck_evidence_quote_not_empty CHECK (quote <> ''),
    CONSTRAINT ck_evidence_offsets CHECK (char_length(quote) = "end" - start),
    CONSTRAINT fk_evidence_object_id FOREIGN KEY(object_id) REFERENCES intelligence_object (id) ON DELETE CASCADE,
    CONSTRAINT fk_evidence_document_id FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE,
    CONSTRAINT fk_evidence_chunk_id FOREIGN KEY(chunk_id) REFERENCES chunk (id) ON DELETE CASCADE
);
CREATE INDEX ix_evidence_chunk_id ON evidence (chunk_id);
CREATE INDEX ix_evidence_document_id ON evidence (document_id);
CREATE INDEX ix_evidence_object_id ON evidence (object_id);
ALTER TABLE evidence ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence FORCE ROW LEVEL SECURITY;
CREATE POLICY evidence_app ON evidence TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY evidence_worker ON evidence TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON evidence TO drovi_worker;
GRANT SELECT ON evidence TO drovi_app;
