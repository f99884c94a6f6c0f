-- The execution plane: schedules, switches, budgets; events put off and dead letters; what administration sees ----

ALTER TABLE job ALTER COLUMN org_id DROP NOT NULL,
    ADD COLUMN cancel_requested_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN replay_of UUID,
    ADD CONSTRAINT fk_job_replay_of FOREIGN KEY(replay_of) REFERENCES job (id) ON DELETE SET NULL,
    DROP CONSTRAINT uq_job_org_id_idempotency_key,
    ADD CONSTRAINT uq_job_org_id_idempotency_key UNIQUE NULLS NOT DISTINCT (org_id, idempotency_key);
CREATE INDEX ix_job_replay_of ON job (replay_of);

ALTER TABLE connection ADD COLUMN sync_cron TEXT, ADD COLUMN sync_timezone TEXT DEFAULT 'UTC' NOT NULL;

ALTER TABLE outbox ADD COLUMN sequence BIGINT;
-- In the order of the relay, which is alone: what is published twice to a log outside is known by it.
CREATE SEQUENCE event_sequence;
GRANT USAGE ON event_sequence TO drovi_worker;

ALTER TABLE consumer_offset ADD COLUMN sequence BIGINT DEFAULT -1 NOT NULL,
    ADD COLUMN paused_until TIMESTAMP WITH TIME ZONE,
    ADD COLUMN paused_for TEXT,
    ADD COLUMN pauses INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN moved_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL;

CREATE TABLE schedule (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID,
    connection_id UUID,
    kind TEXT NOT NULL,
    arguments JSONB DEFAULT '{}' NOT NULL,
    interval_seconds INTEGER,
    cron TEXT,
    timezone TEXT DEFAULT 'UTC' NOT NULL,
    jitter_seconds INTEGER DEFAULT '0' NOT NULL,
    enabled BOOLEAN DEFAULT true NOT NULL,
    next_run_at TIMESTAMP WITH TIME ZONE,
    last_run_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_schedule PRIMARY KEY (id),
    CONSTRAINT ck_schedule_rhythm CHECK (num_nonnulls(interval_seconds, cron) = 1),
    CONSTRAINT ck_schedule_interval CHECK (interval_seconds > 0),
    CONSTRAINT uq_schedule_org_id_connection_id_kind UNIQUE NULLS NOT DISTINCT (org_id, connection_id, kind),
    CONSTRAINT fk_schedule_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE,
    CONSTRAINT fk_schedule_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE
);
CREATE INDEX ix_schedule_connection_id ON schedule (connection_id);
CREATE INDEX ix_schedule_due ON schedule (next_run_at) WHERE enabled;
ALTER TABLE schedule ENABLE ROW LEVEL SECURITY;
ALTER TABLE schedule FORCE ROW LEVEL SECURITY;
CREATE POLICY schedule_worker ON schedule TO drovi_worker USING (true) WITH CHECK (true);
CREATE POLICY schedule_identity ON schedule TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON schedule TO drovi_worker;
GRANT SELECT, UPDATE ON schedule TO drovi_identity;

CREATE TABLE kill_switch (
    id UUID DEFAULT uuidv7() NOT NULL,
    connector TEXT,
    org_id UUID,
    reason TEXT NOT NULL,
    thrown_by TEXT NOT NULL,
    thrown_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_kill_switch PRIMARY KEY (id),
    CONSTRAINT ck_kill_switch_scope CHECK (num_nonnulls(connector, org_id) <= 1),
    CONSTRAINT uq_kill_switch_connector_org_id UNIQUE NULLS NOT DISTINCT (connector, org_id),
    CONSTRAINT fk_kill_switch_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE
);
ALTER TABLE kill_switch ENABLE ROW LEVEL SECURITY;
ALTER TABLE kill_switch FORCE ROW LEVEL SECURITY;
CREATE POLICY kill_switch_worker ON kill_switch TO drovi_worker USING (true) WITH CHECK (true);
CREATE POLICY kill_switch_identity ON kill_switch TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON kill_switch TO drovi_worker;
GRANT SELECT, INSERT, DELETE ON kill_switch TO drovi_identity;

CREATE TABLE call_budget (
    id UUID DEFAULT uuidv7() NOT NULL,
    provider TEXT NOT NULL,
    org_id UUID,
    connection_id UUID,
    tokens DOUBLE PRECISION NOT NULL,
    counted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_call_budget PRIMARY KEY (id),
    CONSTRAINT uq_call_budget_provider_org_id_connection_id UNIQUE NULLS NOT DISTINCT (provider, org_id, connection_id),
    CONSTRAINT fk_call_budget_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE,
    CONSTRAINT fk_call_budget_connection_id FOREIGN KEY(connection_id) REFERENCES connection (id) ON DELETE CASCADE
);
CREATE INDEX ix_call_budget_connection_id ON call_budget (connection_id);
ALTER TABLE call_budget ENABLE ROW LEVEL SECURITY;
ALTER TABLE call_budget FORCE ROW LEVEL SECURITY;
CREATE POLICY call_budget_worker ON call_budget TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON call_budget TO drovi_worker;

CREATE TABLE delayed_event (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    headers JSONB DEFAULT '{}' NOT NULL,
    payload BYTEA NOT NULL,
    not_before TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_delayed_event PRIMARY KEY (id),
    CONSTRAINT fk_delayed_event_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE
);
CREATE INDEX ix_delayed_event_key ON delayed_event (org_id, key);
CREATE INDEX ix_delayed_event_not_before ON delayed_event (not_before);
ALTER TABLE delayed_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE delayed_event FORCE ROW LEVEL SECURITY;
CREATE POLICY delayed_event_worker ON delayed_event TO drovi_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON delayed_event TO drovi_worker;

CREATE TABLE dead_letter (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    consumer_group TEXT NOT NULL,
    key TEXT NOT NULL,
    headers JSONB DEFAULT '{}' NOT NULL,
    payload BYTEA NOT NULL,
    attempts INTEGER NOT NULL,
    error_code TEXT NOT NULL,
    error_message TEXT NOT NULL,
    status TEXT DEFAULT 'dead' NOT NULL,
    settled_by TEXT,
    reason TEXT,
    died_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_dead_letter PRIMARY KEY (id),
    CONSTRAINT ck_dead_letter_status CHECK (status IN ('dead', 'replaying', 'replayed', 'dropped')),
    CONSTRAINT ck_dead_letter_reason CHECK (status <> 'dropped' OR reason <> ''),
    CONSTRAINT fk_dead_letter_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE
);
CREATE INDEX ix_dead_letter_key ON dead_letter (org_id, key);
CREATE INDEX ix_dead_letter_listing ON dead_letter (status, topic, id);
ALTER TABLE dead_letter ENABLE ROW LEVEL SECURITY;
ALTER TABLE dead_letter FORCE ROW LEVEL SECURITY;
CREATE POLICY dead_letter_worker ON dead_letter TO drovi_worker USING (true) WITH CHECK (true);
CREATE POLICY dead_letter_identity ON dead_letter TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letter TO drovi_worker;
GRANT SELECT ("id", "org_id", "topic", "partition", "offset", "consumer_group", "attempts", "error_code", "status", "settled_by", "reason", "died_at", "settled_at") ON dead_letter TO drovi_identity;
GRANT UPDATE ("status", "settled_by", "reason", "settled_at") ON dead_letter TO drovi_identity;

-- Tables of before, as the administration sees them ---------------------------------------------------------

CREATE POLICY job_identity ON job TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT ("id", "org_id", "connection_id", "kind", "arguments", "idempotency_key", "status", "attempts", "max_attempts", "run_at", "lease_expires_at", "progress", "error_code", "dagster_run_id", "cancel_requested_at", "replay_of", "created_at", "started_at", "finished_at") ON job TO drovi_identity;
GRANT INSERT ("org_id", "connection_id", "kind", "arguments", "idempotency_key", "replay_of") ON job TO drovi_identity;
GRANT UPDATE ("status", "attempts", "run_at", "cancel_requested_at", "started_at", "finished_at", "lease_expires_at", "error_code", "error_message") ON job TO drovi_identity;
CREATE POLICY consumer_offset_identity ON consumer_offset TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT ON consumer_offset TO drovi_identity;
