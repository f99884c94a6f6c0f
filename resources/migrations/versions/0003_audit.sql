-- The audit log: a chain of hashes for each organisation that can be added to and not changed.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'drovi_audit') THEN
        CREATE ROLE drovi_audit NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
END
$$;
GRANT USAGE ON SCHEMA public TO drovi_audit;

CREATE TABLE audit_entry (
    org_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_label TEXT NOT NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    address TEXT NOT NULL,
    request_id TEXT NOT NULL,
    before JSONB,
    after JSONB,
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_audit_entry PRIMARY KEY (org_id, sequence),
    CONSTRAINT ck_audit_entry_actor_kind CHECK (actor_kind IN ('user', 'api_key', 'admin', 'system')),
    CONSTRAINT ck_audit_entry_action CHECK (action <> '')
);
ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_entry FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_entry_app ON audit_entry TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY audit_entry_worker ON audit_entry TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY audit_entry_audit ON audit_entry TO drovi_audit USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT ON audit_entry TO drovi_worker;
GRANT SELECT ON audit_entry TO drovi_app;
GRANT SELECT, INSERT, DELETE ON audit_entry TO drovi_audit;

CREATE TABLE audit_head (
    org_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_audit_head PRIMARY KEY (org_id)
);
ALTER TABLE audit_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_head FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_head_worker ON audit_head TO drovi_worker USING (true) WITH CHECK (true);
CREATE POLICY audit_head_audit ON audit_head TO drovi_audit USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT ON audit_head TO drovi_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON audit_head TO drovi_audit;

CREATE TABLE audit_anchor (
    org_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    previous TEXT NOT NULL,
    anchored_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    stored BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_audit_anchor PRIMARY KEY (org_id)
);
ALTER TABLE audit_anchor ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_anchor FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_anchor_worker ON audit_anchor TO drovi_worker USING (true) WITH CHECK (true);
CREATE POLICY audit_anchor_audit ON audit_anchor TO drovi_audit USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE ON audit_anchor TO drovi_worker;
GRANT SELECT, DELETE ON audit_anchor TO drovi_audit;

CREATE POLICY organisation_audit ON organisation TO drovi_audit USING (id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
GRANT SELECT ON organisation TO drovi_audit;

-- Append-only ---------------------------------------------------------------------------------------

-- By statement, so that it also refuses those to whom row-level security shows no row, the tables' owner among them.
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Inside the definer functions below, and nowhere else, the current user is their owner.
    IF current_user = 'drovi_audit' AND (TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_head') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '%: the audit log is append-only, % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- The chain -----------------------------------------------------------------------------------------

-- SHA-256 over the parts, each after its length in eight bytes, most significant first: no part can run into the
-- next. The same as digest() in resources/hashing.py.
CREATE FUNCTION audit_digest(VARIADIC p_parts bytea[]) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(string_agg(int8send(octet_length(p.part)::bigint) || p.part, ''::bytea ORDER BY p.position))
    FROM unnest(p_parts) WITH ORDINALITY AS p (part, position)
$$;

-- Adds an entry to the chain of the transaction's organisation, and gives its number. Entry and head are written in
-- the caller's transaction: an act and its entry are committed together or not at all. The head stays locked until
-- then, so that a chain has no gap and no fork; call it last, for whoever audits in the same organisation waits.
CREATE FUNCTION audit_append(
    p_actor_kind text, p_actor_id text, p_actor_label text, p_action text, p_subject_kind text, p_subject_id text,
    p_address text, p_request_id text, p_before jsonb, p_after jsonb
)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_org uuid := nullif(current_setting('drovi.org_id', true), '')::uuid;
    v_sequence bigint;
    v_previous bytea;
    v_at timestamptz;
    v_hash bytea;
BEGIN
    IF v_org IS NULL THEN
        RAISE EXCEPTION 'audit_append: the transaction names no organisation'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT h.sequence, h.hash INTO v_sequence, v_previous FROM audit_head h WHERE h.org_id = v_org FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO audit_head (org_id, sequence, hash) VALUES (v_org, 0, decode(repeat('00', 32), 'hex'))
            ON CONFLICT (org_id) DO NOTHING;
        SELECT h.sequence, h.hash INTO v_sequence, v_previous FROM audit_head h WHERE h.org_id = v_org FOR UPDATE;
    END IF;
    v_sequence := v_sequence + 1;
    v_at := clock_timestamp();  -- after the lock: times rise with the numbers
    -- jsonb's text is canonical (keys sorted, one spelling), and never empty: an empty part is an absent value.
    v_hash := audit_digest(
        'drovi-audit-1', uuid_send(v_org), int8send(v_sequence), int8send((extract(epoch FROM v_at) * 1000000)::bigint),
        convert_to(p_actor_kind, 'UTF8'), convert_to(p_actor_id, 'UTF8'), convert_to(p_actor_label, 'UTF8'),
        convert_to(p_action, 'UTF8'), convert_to(p_subject_kind, 'UTF8'), convert_to(p_subject_id, 'UTF8'),
        convert_to(p_address, 'UTF8'), convert_to(p_request_id, 'UTF8'),
        coalesce(convert_to(p_before::text, 'UTF8'), ''), coalesce(convert_to(p_after::text, 'UTF8'), ''), v_previous
    );
    INSERT INTO audit_entry VALUES (
        v_org, v_sequence, v_at, p_actor_kind, p_actor_id, p_actor_label, p_action, p_subject_kind, p_subject_id,
        p_address, p_request_id, p_before, p_after, v_previous, v_hash
    );
    UPDATE audit_head h SET sequence = v_sequence, hash = v_hash WHERE h.org_id = v_org;
    RETURN v_sequence;
END
$$;

-- Removes the chain of an organisation that was erased, and gives the number of entries that went: the law gives
-- people a right to that, and entries hold names and addresses. Only where the organisation's row is gone, in a
-- transaction that names the same organisation; never the platform's own chain, where the erasure itself is told.
CREATE FUNCTION audit_erase(p_org uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_erased bigint;
BEGIN
    IF p_org IS DISTINCT FROM nullif(current_setting('drovi.org_id', true), '')::uuid
       OR p_org = '00000000-0000-0000-0000-000000000000' THEN
        RAISE EXCEPTION 'audit_erase: % is not the organisation of the transaction', p_org
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF EXISTS (SELECT FROM organisation o WHERE o.id = p_org) THEN
        RAISE EXCEPTION 'audit_erase: the organisation % still exists', p_org
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    DELETE FROM audit_entry e WHERE e.org_id = p_org;
    GET DIAGNOSTICS v_erased = ROW_COUNT;
    DELETE FROM audit_head h WHERE h.org_id = p_org;
    DELETE FROM audit_anchor a WHERE a.org_id = p_org;
    RETURN v_erased;
END
$$;

DO $$
BEGIN
    EXECUTE format('GRANT drovi_audit TO %I', current_user);
    GRANT CREATE ON SCHEMA public TO drovi_audit;
    ALTER FUNCTION audit_append(text, text, text, text, text, text, text, text, jsonb, jsonb) OWNER TO drovi_audit;
    ALTER FUNCTION audit_erase(uuid) OWNER TO drovi_audit;
    REVOKE CREATE ON SCHEMA public FROM drovi_audit;
END
$$;

-- While the functions can still be granted by a member of their owner.
REVOKE EXECUTE ON FUNCTION audit_append(text, text, text, text, text, text, text, text, jsonb, jsonb) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION audit_erase(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_append(text, text, text, text, text, text, text, text, jsonb, jsonb) TO drovi_app, drovi_worker;
GRANT EXECUTE ON FUNCTION audit_erase(uuid) TO drovi_worker;

-- The tables' owner is no member of the role that may write them.
DO $$
BEGIN
    EXECUTE format('REVOKE drovi_audit FROM %I', current_user);
END
$$;
