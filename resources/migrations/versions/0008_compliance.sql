-- What the organisation's duties are kept by: holds, receipts, exports ---------------------------------

CREATE TABLE legal_hold (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    connection_id UUID,
    reason TEXT NOT NULL,
    placed_by UUID,
    placed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    released_by UUID,
    released_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_legal_hold PRIMARY KEY (id),
    CONSTRAINT fk_legal_hold_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE,
    CONSTRAINT fk_legal_hold_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id),
    CONSTRAINT fk_legal_hold_placed_by FOREIGN KEY(placed_by) REFERENCES app_user (id) ON DELETE SET NULL,
    CONSTRAINT fk_legal_hold_released_by FOREIGN KEY(released_by) REFERENCES app_user (id) ON DELETE SET NULL
);
CREATE INDEX ix_legal_hold_connection_id ON legal_hold (connection_id);
CREATE INDEX ix_legal_hold_standing ON legal_hold (org_id) WHERE released_at IS NULL;
ALTER TABLE legal_hold ENABLE ROW LEVEL SECURITY;
ALTER TABLE legal_hold FORCE ROW LEVEL SECURITY;
CREATE POLICY legal_hold_app ON legal_hold TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY legal_hold_worker ON legal_hold TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON legal_hold TO drovi_worker;
GRANT SELECT, INSERT, UPDATE ON legal_hold TO drovi_app;

CREATE TABLE erasure_receipt (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject_id UUID NOT NULL,
    counts JSONB DEFAULT '{}' NOT NULL,
    unpurged TEXT[] DEFAULT '{}' NOT NULL,
    requested_by UUID,
    requested_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_erasure_receipt PRIMARY KEY (id),
    CONSTRAINT ck_erasure_receipt_kind CHECK (kind IN ('connection', 'person', 'organisation', 'retention')),
    CONSTRAINT ck_erasure_receipt_purged CHECK (finished_at IS NULL OR unpurged = '{}')
);
CREATE INDEX ix_erasure_receipt_listing ON erasure_receipt (org_id, id);
ALTER TABLE erasure_receipt ENABLE ROW LEVEL SECURITY;
ALTER TABLE erasure_receipt FORCE ROW LEVEL SECURITY;
CREATE POLICY erasure_receipt_app ON erasure_receipt TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY erasure_receipt_worker ON erasure_receipt TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON erasure_receipt TO drovi_worker;
GRANT SELECT ON erasure_receipt TO drovi_app;

CREATE TABLE export (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    user_id UUID NOT NULL,
    job_id UUID NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_export PRIMARY KEY (id),
    CONSTRAINT fk_export_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE,
    CONSTRAINT fk_export_user_id FOREIGN KEY(user_id) REFERENCES app_user (id) ON DELETE CASCADE
);
CREATE INDEX ix_export_listing ON export (org_id, id);
CREATE INDEX ix_export_user_id ON export (user_id);
ALTER TABLE export ENABLE ROW LEVEL SECURITY;
ALTER TABLE export FORCE ROW LEVEL SECURITY;
CREATE POLICY export_app ON export TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND user_id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND user_id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid));
CREATE POLICY export_worker ON export TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON export TO drovi_worker;
GRANT SELECT, INSERT ON export TO drovi_app;

CREATE TABLE export_part (
    export_id UUID NOT NULL,
    number INTEGER NOT NULL,
    org_id UUID NOT NULL,
    user_id UUID NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    rows BIGINT NOT NULL,
    position JSONB NOT NULL,
    CONSTRAINT pk_export_part PRIMARY KEY (export_id, number),
    CONSTRAINT fk_export_part_export_id FOREIGN KEY(export_id) REFERENCES export (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_export_part_name ON export_part (export_id, name);
ALTER TABLE export_part ENABLE ROW LEVEL SECURITY;
ALTER TABLE export_part FORCE ROW LEVEL SECURITY;
CREATE POLICY export_part_app ON export_part TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND user_id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND user_id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid));
CREATE POLICY export_part_worker ON export_part TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON export_part TO drovi_worker;
GRANT SELECT ON export_part TO drovi_app;

-- Tables of before ------------------------------------------------------------------------------------

ALTER TABLE connection DROP CONSTRAINT ck_connection_status,
    ADD CONSTRAINT ck_connection_status CHECK (status IN ('active', 'paused', 'needs_person', 'erasing'));

CREATE INDEX ix_tombstone_held ON tombstone (connection_id) WHERE receipt ? 'held';

CREATE INDEX ix_event_key ON event (org_id, key);

ALTER TABLE job DROP CONSTRAINT fk_job_requested_by,
    ADD CONSTRAINT fk_job_requested_by FOREIGN KEY(requested_by) REFERENCES app_user (id) ON DELETE SET NULL;

-- A job that is about no connection is its owner's alone: what somebody exports or erases is nobody else's to see.
DROP POLICY job_app ON job;
CREATE POLICY job_app ON job TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND ((connection_id IS NULL AND (requested_by IS NULL OR requested_by = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid))) OR connection_id IN (SELECT id FROM connection))) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND ((connection_id IS NULL AND (requested_by IS NULL OR requested_by = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid))) OR connection_id IN (SELECT id FROM connection)));

-- Retention is due by the policies of every organisation, asked for in one query.
DROP POLICY organisation_policy_worker ON organisation_policy;
CREATE POLICY organisation_policy_worker ON organisation_policy TO drovi_worker USING (true) WITH CHECK (true);

-- Erasing a person -------------------------------------------------------------------------------------

-- Takes away the sessions of somebody who is no member of the transaction's organisation any more; returns how many
-- went. Background work can neither read nor write sessions itself.
CREATE FUNCTION erase_sessions(p_user uuid) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH gone AS (
        DELETE FROM user_session s
        WHERE s.user_id = p_user AND s.org_id = nullif(current_setting('drovi.org_id', true), '')::uuid
          AND NOT EXISTS (SELECT FROM membership m WHERE m.user_id = s.user_id AND m.org_id = s.org_id)
        RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

-- Whether somebody is a member of an organisation: background work asks it across all of them, and sees no row of one.
CREATE FUNCTION is_member(p_org uuid, p_user uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM membership m WHERE m.org_id = p_org AND m.user_id = p_user)
$$;

-- Whether somebody is a member of any organisation; which ones is not told.
CREATE FUNCTION is_member_anywhere(p_user uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM membership m WHERE m.user_id = p_user)
$$;

-- How many keys somebody has in the transaction's organisation: they go with the membership, and a receipt counts them.
CREATE FUNCTION count_keys(p_user uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(*) FROM api_key k
    WHERE k.user_id = p_user AND k.org_id = nullif(current_setting('drovi.org_id', true), '')::uuid
$$;

DO $$
BEGIN
    GRANT CREATE ON SCHEMA public TO drovi_auth;
    ALTER FUNCTION count_keys(uuid) OWNER TO drovi_auth;
    ALTER FUNCTION erase_sessions(uuid) OWNER TO drovi_auth;
    ALTER FUNCTION is_member(uuid, uuid) OWNER TO drovi_auth;
    ALTER FUNCTION is_member_anywhere(uuid) OWNER TO drovi_auth;
    REVOKE CREATE ON SCHEMA public FROM drovi_auth;
END
$$;

REVOKE EXECUTE ON FUNCTION count_keys(uuid) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION erase_sessions(uuid) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION is_member(uuid, uuid) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION is_member_anywhere(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_keys(uuid) TO drovi_app, drovi_worker;
GRANT EXECUTE ON FUNCTION erase_sessions(uuid) TO drovi_worker;
GRANT EXECUTE ON FUNCTION is_member(uuid, uuid) TO drovi_worker;
GRANT EXECUTE ON FUNCTION is_member_anywhere(uuid) TO drovi_worker;
