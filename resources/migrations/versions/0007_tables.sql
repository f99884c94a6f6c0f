-- Readers that providers name ------------------------------------------------------------------------

CREATE TABLE reader_set (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    key TEXT NOT NULL,
    CONSTRAINT pk_reader_set PRIMARY KEY (id),
    CONSTRAINT uq_reader_set_org_id_key UNIQUE (org_id, key),
    CONSTRAINT fk_reader_set_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE
);
ALTER TABLE reader_set ENABLE ROW LEVEL SECURITY;
ALTER TABLE reader_set FORCE ROW LEVEL SECURITY;
CREATE POLICY reader_set_worker ON reader_set TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON reader_set TO drovi_worker;

CREATE TABLE reader_set_member (
    org_id UUID NOT NULL,
    reader_set_id UUID NOT NULL,
    email TEXT NOT NULL,
    CONSTRAINT pk_reader_set_member PRIMARY KEY (reader_set_id, email),
    CONSTRAINT fk_reader_set_member_reader_set_id FOREIGN KEY(reader_set_id) REFERENCES reader_set (id) ON DELETE CASCADE
);
CREATE INDEX ix_reader_set_member_email ON reader_set_member (org_id, email);
ALTER TABLE reader_set_member ENABLE ROW LEVEL SECURITY;
ALTER TABLE reader_set_member FORCE ROW LEVEL SECURITY;
CREATE POLICY reader_set_member_worker ON reader_set_member TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY reader_set_member_auth ON reader_set_member TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON reader_set_member TO drovi_worker;
GRANT SELECT ON reader_set_member TO drovi_auth;

-- Audiences of sources ---------------------------------------------------------------------------------

ALTER TABLE audience ADD COLUMN connection_id UUID,
    ADD COLUMN reader_set_id UUID,
    ADD COLUMN parts UUID[],
    DROP CONSTRAINT ck_audience_kind,
    ADD CONSTRAINT ck_audience_kind CHECK (kind IN ('organisation', 'owner', 'readers', 'source', 'joint')),
    ADD CONSTRAINT ck_audience_source CHECK ((kind = 'source') = (connection_id IS NOT NULL)),
    ADD CONSTRAINT ck_audience_joint CHECK ((kind = 'joint') = (parts IS NOT NULL)),
    ADD CONSTRAINT fk_audience_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE,
    ADD CONSTRAINT fk_audience_reader_set_id FOREIGN KEY(reader_set_id) REFERENCES reader_set (id);
CREATE INDEX ix_audience_connection_id ON audience (connection_id);
CREATE INDEX ix_audience_reader_set_id ON audience (reader_set_id);
CREATE INDEX ix_audience_joint ON audience (org_id) WHERE kind = 'joint';
GRANT INSERT ON audience TO drovi_app;

ALTER TABLE connection DROP CONSTRAINT uq_connection_org_id_name,
    ADD CONSTRAINT uq_connection_org_id_owner_id_name UNIQUE (org_id, owner_id, name);
CREATE INDEX ix_connection_shared ON connection (org_id) WHERE visibility = 'ORG_SHARED';

-- How often words stand in what the caller may read: counted again under 0007_rows.sql.
TRUNCATE term_stat;
ALTER TABLE term_stat ADD COLUMN audience_id UUID NOT NULL,
    DROP CONSTRAINT pk_term_stat,
    ADD CONSTRAINT pk_term_stat PRIMARY KEY (org_id, term, audience_id);

-- What streams tell of connections --------------------------------------------------------------------

CREATE TABLE connection_event (
    org_id UUID NOT NULL,
    id BIGINT NOT NULL,
    audience_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    state JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_connection_event PRIMARY KEY (org_id, id),
    CONSTRAINT fk_connection_event_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE
);
CREATE INDEX ix_connection_event_connection_id ON connection_event (connection_id, id);
ALTER TABLE connection_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE connection_event FORCE ROW LEVEL SECURITY;
CREATE POLICY connection_event_app ON connection_event TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY connection_event_worker ON connection_event TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY connection_event_events ON connection_event TO drovi_events USING (true) WITH CHECK (true);
GRANT SELECT ON connection_event TO drovi_worker;
GRANT SELECT ON connection_event TO drovi_app;
GRANT SELECT, INSERT, DELETE ON connection_event TO drovi_events;

-- What the owners of the functions may read -----------------------------------------------------------

CREATE POLICY connection_auth ON connection TO drovi_auth USING (true) WITH CHECK (true);
CREATE POLICY connection_events ON connection TO drovi_events USING (true) WITH CHECK (true);
GRANT SELECT ON connection TO drovi_auth;
GRANT SELECT ON connection TO drovi_events;
CREATE POLICY stream_cursor_events ON stream_cursor TO drovi_events USING (true) WITH CHECK (true);
GRANT SELECT ON stream_cursor TO drovi_events;
