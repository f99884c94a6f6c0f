-- What other systems send us, and what we send them: addresses, messages, deliveries, subscriptions -----------

-- The owner of the functions that take messages in; it never logs in.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'drovi_intake') THEN
        CREATE ROLE drovi_intake NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO drovi_intake;

CREATE TABLE webhook_intake (
    org_id UUID NOT NULL,
    audience_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    token_hash BYTEA NOT NULL,
    key_id TEXT NOT NULL,
    ciphertext BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    rotated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    received BIGINT DEFAULT '0' NOT NULL,
    last_received_at TIMESTAMP WITH TIME ZONE,
    last_items INTEGER,
    last_skipped INTEGER,
    CONSTRAINT pk_webhook_intake PRIMARY KEY (connection_id),
    CONSTRAINT fk_webhook_intake_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE,
    CONSTRAINT uq_webhook_intake_token_hash UNIQUE (token_hash)
);
ALTER TABLE webhook_intake ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_intake FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_intake_app ON webhook_intake TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[])) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND audience_id = ANY ((SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]));
CREATE POLICY webhook_intake_worker ON webhook_intake TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY webhook_intake_intake ON webhook_intake TO drovi_intake USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_intake TO drovi_worker;
GRANT SELECT, INSERT, UPDATE ON webhook_intake TO drovi_app;
GRANT SELECT, UPDATE ON webhook_intake TO drovi_intake;

CREATE TABLE webhook_message (
    org_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    message_hash BYTEA NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_webhook_message PRIMARY KEY (connection_id, message_hash),
    CONSTRAINT fk_webhook_message_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE
);
CREATE INDEX ix_webhook_message_received_at ON webhook_message (received_at);
ALTER TABLE webhook_message ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_message FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_message_worker ON webhook_message TO drovi_worker USING (true) WITH CHECK (true);
CREATE POLICY webhook_message_auth ON webhook_message TO drovi_auth USING (true) WITH CHECK (true);
CREATE POLICY webhook_message_intake ON webhook_message TO drovi_intake USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_message TO drovi_worker;
GRANT SELECT, DELETE ON webhook_message TO drovi_auth;
GRANT SELECT, INSERT ON webhook_message TO drovi_intake;

CREATE TABLE webhook_endpoint (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    user_id UUID NOT NULL,
    url TEXT NOT NULL,
    description TEXT DEFAULT '' NOT NULL,
    event_types TEXT[] NOT NULL,
    key_id TEXT NOT NULL,
    ciphertext BYTEA NOT NULL,
    status TEXT DEFAULT 'active' NOT NULL,
    status_detail TEXT DEFAULT '' NOT NULL,
    failing_since TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_webhook_endpoint PRIMARY KEY (id),
    CONSTRAINT ck_webhook_endpoint_status CHECK (status IN ('active', 'paused', 'disabled')),
    CONSTRAINT fk_webhook_endpoint_org_id_user_id FOREIGN KEY(org_id, user_id) REFERENCES membership (org_id, user_id) ON DELETE CASCADE,
    CONSTRAINT fk_webhook_endpoint_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE
);
CREATE INDEX ix_webhook_endpoint_member ON webhook_endpoint (org_id, user_id);
ALTER TABLE webhook_endpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoint FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_endpoint_app ON webhook_endpoint TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY webhook_endpoint_worker ON webhook_endpoint TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoint TO drovi_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoint TO drovi_app;

CREATE TABLE webhook_delivery (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    user_id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    event_id UUID NOT NULL,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    document_id UUID,
    status TEXT DEFAULT 'pending' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_status INTEGER,
    last_error TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_webhook_delivery PRIMARY KEY (id),
    CONSTRAINT ck_webhook_delivery_status CHECK (status IN ('pending', 'delivered', 'dead')),
    CONSTRAINT uq_webhook_delivery_endpoint_id_event_id UNIQUE (endpoint_id, event_id),
    CONSTRAINT fk_webhook_delivery_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    CONSTRAINT fk_webhook_delivery_document_id FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE
);
CREATE INDEX ix_webhook_delivery_created_at ON webhook_delivery (created_at);
CREATE INDEX ix_webhook_delivery_document_id ON webhook_delivery (document_id);
CREATE INDEX ix_webhook_delivery_due ON webhook_delivery (endpoint_id, due_at) WHERE status = 'pending';
CREATE INDEX ix_webhook_delivery_listing ON webhook_delivery (endpoint_id, id);
ALTER TABLE webhook_delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_delivery FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_delivery_app ON webhook_delivery TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND user_id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND user_id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid));
CREATE POLICY webhook_delivery_worker ON webhook_delivery TO drovi_worker USING (true) WITH CHECK (true);
CREATE POLICY webhook_delivery_auth ON webhook_delivery TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_delivery TO drovi_worker;
GRANT SELECT, INSERT, UPDATE ON webhook_delivery TO drovi_app;
GRANT SELECT, DELETE ON webhook_delivery TO drovi_auth;

CREATE TABLE subscription (
    org_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    provider_id TEXT,
    expires_at TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    failures INTEGER DEFAULT '0' NOT NULL,
    problem TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_subscription PRIMARY KEY (connection_id),
    CONSTRAINT fk_subscription_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE
);
CREATE INDEX ix_subscription_due ON subscription (org_id, due_at);
ALTER TABLE subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE subscription FORCE ROW LEVEL SECURITY;
CREATE POLICY subscription_worker ON subscription TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON subscription TO drovi_worker;

-- What the functions' owner may do with the tables of before ---------------------------------------------

CREATE POLICY organisation_intake ON organisation TO drovi_intake USING (true) WITH CHECK (true);
GRANT SELECT ON organisation TO drovi_intake;
CREATE POLICY connection_intake ON connection TO drovi_intake USING (true) WITH CHECK (true);
GRANT SELECT ON connection TO drovi_intake;
CREATE POLICY skipped_item_intake ON skipped_item TO drovi_intake USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON skipped_item TO drovi_intake;
CREATE POLICY outbox_intake ON outbox TO drovi_intake USING (true) WITH CHECK (true);
GRANT INSERT ON outbox TO drovi_intake;

-- Whose address a message came to, with what its signature is held against; no row for one that takes nothing in.
CREATE FUNCTION webhook_intake_of(p_token_hash bytea)
RETURNS TABLE (org_id uuid, connection_id uuid, connector text, key_id text, ciphertext bytea)
LANGUAGE sql STABLE ROWS 1 SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT i.org_id, i.connection_id, c.connector, i.key_id, i.ciphertext
    FROM webhook_intake i
    JOIN connection c ON c.id = i.connection_id AND c.status <> 'erasing'
    JOIN organisation o ON o.id = i.org_id AND o.status = 'active'
    WHERE i.token_hash = p_token_hash
$$;

-- Keeps a message whose signature was found good, once however often and however many at once it comes: its event on the
-- way to the log, and what of it cannot be landed. False for one that was kept before, NULL where the address is gone.
-- Whose it is follows from the address again, and not from what the caller says.
CREATE FUNCTION webhook_accept(
    p_token_hash bytea, p_message_hash bytea, p_payload bytea, p_items integer, p_stream text, p_skipped jsonb
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_org uuid;
    v_connection uuid;
BEGIN
    SELECT found.org_id, found.connection_id INTO v_org, v_connection FROM webhook_intake_of(p_token_hash) found;
    IF v_org IS NULL THEN
        RETURN NULL;
    END IF;
    -- Another one with this id waits here until the first has committed.
    INSERT INTO webhook_message (org_id, connection_id, message_hash) VALUES (v_org, v_connection, p_message_hash)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- Messages to one address wait for one another here, so that their events are in the order of their commits.
    UPDATE webhook_intake i
    SET received = received + 1, last_received_at = now(), last_items = p_items,
        last_skipped = jsonb_array_length(p_skipped)
    WHERE i.connection_id = v_connection;
    IF p_payload IS NOT NULL THEN
        INSERT INTO outbox (org_id, topic, key, payload)
        VALUES (v_org, 'raw.connector.events', v_connection::text, p_payload);
    END IF;
    INSERT INTO skipped_item (org_id, audience_id, connection_id, stream, provider_id, reason)
    SELECT v_org, c.audience_id, v_connection, p_stream, one ->> 'provider_id', one ->> 'reason'
    FROM jsonb_array_elements(p_skipped) AS one JOIN connection c ON c.id = v_connection
    ON CONFLICT ON CONSTRAINT pk_skipped_item DO UPDATE SET reason = excluded.reason, seen_at = now();
    RETURN true;
END
$$;

-- As before, and messages: a day after they came no signature of theirs holds; and deliveries of a month ago.
CREATE OR REPLACE FUNCTION forget_expired() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH session AS (
        DELETE FROM user_session s WHERE s.expires_at < now() - interval '30 days'
            OR s.revoked_at < now() - interval '30 days' RETURNING 1
    ), admin AS (
        DELETE FROM admin_session s WHERE s.expires_at < now() - interval '30 days' RETURNING 1
    ), token AS (
        DELETE FROM one_time_token t WHERE t.expires_at < now() - interval '1 day' RETURNING 1
    ), started AS (
        DELETE FROM oidc_sign_in o WHERE o.expires_at < now() RETURNING 1
    ), attempts AS (
        DELETE FROM rate_limit r WHERE r.refilled_at < now() - interval '1 day' RETURNING 1
    ), message AS (
        DELETE FROM webhook_message m WHERE m.received_at < now() - interval '1 day' RETURNING 1
    ), delivery AS (
        DELETE FROM webhook_delivery d WHERE d.created_at < now() - interval '30 days' RETURNING 1
    )
    SELECT (SELECT count(*) FROM session) + (SELECT count(*) FROM admin) + (SELECT count(*) FROM token)
         + (SELECT count(*) FROM started) + (SELECT count(*) FROM attempts) + (SELECT count(*) FROM message)
         + (SELECT count(*) FROM delivery)
$$;

DO $$
BEGIN
    EXECUTE format('GRANT drovi_intake TO %I', current_user);
    GRANT CREATE ON SCHEMA public TO drovi_intake;
    ALTER FUNCTION webhook_intake_of(bytea) OWNER TO drovi_intake;
    ALTER FUNCTION webhook_accept(bytea, bytea, bytea, integer, text, jsonb) OWNER TO drovi_intake;
    REVOKE CREATE ON SCHEMA public FROM drovi_intake;
END
$$;

REVOKE EXECUTE ON FUNCTION webhook_intake_of(bytea) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION webhook_accept(bytea, bytea, bytea, integer, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION webhook_intake_of(bytea) TO drovi_app;
GRANT EXECUTE ON FUNCTION webhook_accept(bytea, bytea, bytea, integer, text, jsonb) TO drovi_app;

-- The tables' owner is no member of the role that may write them.
DO $$
BEGIN
    EXECUTE format('REVOKE drovi_intake FROM %I', current_user);
END
$$;
