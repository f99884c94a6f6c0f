-- Who a person is -----------------------------------------------------------------------------------

ALTER TABLE organisation ADD COLUMN status TEXT DEFAULT 'active' NOT NULL,
    ADD CONSTRAINT ck_organisation_status CHECK (status IN ('active', 'suspended', 'erasing'));

-- Forced row-level security hides every row from the tables' owner as well, who migrates.
ALTER TABLE app_user NO FORCE ROW LEVEL SECURITY;
UPDATE app_user SET email = lower(email) WHERE email <> lower(email);
ALTER TABLE app_user FORCE ROW LEVEL SECURITY;
ALTER TABLE app_user ADD COLUMN locale TEXT DEFAULT 'en' NOT NULL,
    ADD COLUMN email_verified_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN disabled_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT ck_app_user_email CHECK (email = lower(email)),
    ADD CONSTRAINT ck_app_user_locale CHECK (locale IN ('en', 'fr'));

ALTER TABLE api_key ADD COLUMN scopes TEXT[] DEFAULT '{read,write,manage}' NOT NULL,
    ADD COLUMN last_used_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN revoked_at TIMESTAMP WITH TIME ZONE;

CREATE INDEX ix_membership_user_id ON membership (user_id);

CREATE TABLE organisation_policy (
    org_id UUID NOT NULL,
    allowed_connectors TEXT[],
    default_visibility TEXT DEFAULT 'ORG_SHARED' NOT NULL,
    allowed_email_domains TEXT[] DEFAULT '{}' NOT NULL,
    session_hours INTEGER DEFAULT '12' NOT NULL,
    second_factor_required BOOLEAN DEFAULT false NOT NULL,
    retention_days JSONB DEFAULT '{}' NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_organisation_policy PRIMARY KEY (org_id),
    CONSTRAINT ck_organisation_policy_default_visibility CHECK (default_visibility IN ('ORG_SHARED', 'PRIVATE')),
    CONSTRAINT ck_organisation_policy_session_hours CHECK (session_hours BETWEEN 1 AND 720),
    CONSTRAINT fk_organisation_policy_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE
);
ALTER TABLE organisation_policy ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisation_policy FORCE ROW LEVEL SECURITY;
CREATE POLICY organisation_policy_app ON organisation_policy TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY organisation_policy_worker ON organisation_policy TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY organisation_policy_identity ON organisation_policy TO drovi_identity USING (true) WITH CHECK (true);
CREATE POLICY organisation_policy_auth ON organisation_policy TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON organisation_policy TO drovi_worker;
GRANT SELECT, INSERT, UPDATE ON organisation_policy TO drovi_app;
GRANT SELECT ON organisation_policy TO drovi_identity;
GRANT SELECT ON organisation_policy TO drovi_auth;

CREATE TABLE invitation (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    invited_by UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_invitation PRIMARY KEY (id),
    CONSTRAINT ck_invitation_email CHECK (email = lower(email)),
    CONSTRAINT ck_invitation_role CHECK (role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')),
    CONSTRAINT fk_invitation_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE,
    CONSTRAINT uq_invitation_token_hash UNIQUE (token_hash),
    CONSTRAINT fk_invitation_invited_by FOREIGN KEY(invited_by) REFERENCES app_user (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX uq_invitation_standing ON invitation (org_id, email) WHERE accepted_at IS NULL AND revoked_at IS NULL;
ALTER TABLE invitation ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitation FORCE ROW LEVEL SECURITY;
CREATE POLICY invitation_app ON invitation TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY invitation_worker ON invitation TO drovi_worker USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY invitation_identity ON invitation TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON invitation TO drovi_worker;
GRANT SELECT, INSERT, UPDATE ON invitation TO drovi_app;
GRANT SELECT, UPDATE ON invitation TO drovi_identity;

CREATE TABLE user_credential (
    user_id UUID NOT NULL,
    password_hash TEXT,
    password_changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    totp_key_id TEXT,
    totp_ciphertext BYTEA,
    totp_confirmed_at TIMESTAMP WITH TIME ZONE,
    totp_last_step BIGINT,
    recovery_hashes BYTEA[] DEFAULT '{}' NOT NULL,
    CONSTRAINT pk_user_credential PRIMARY KEY (user_id),
    CONSTRAINT fk_user_credential_user_id FOREIGN KEY(user_id) REFERENCES app_user (id) ON DELETE CASCADE
);
ALTER TABLE user_credential ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_credential FORCE ROW LEVEL SECURITY;
CREATE POLICY user_credential_identity ON user_credential TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON user_credential TO drovi_identity;

CREATE TABLE user_session (
    id UUID DEFAULT uuidv7() NOT NULL,
    user_id UUID NOT NULL,
    org_id UUID,
    token_hash BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    second_factor_at TIMESTAMP WITH TIME ZONE,
    address TEXT DEFAULT '' NOT NULL,
    user_agent TEXT DEFAULT '' NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_user_session PRIMARY KEY (id),
    CONSTRAINT fk_user_session_user_id FOREIGN KEY(user_id) REFERENCES app_user (id) ON DELETE CASCADE,
    CONSTRAINT fk_user_session_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE,
    CONSTRAINT uq_user_session_token_hash UNIQUE (token_hash)
);
CREATE INDEX ix_user_session_org_id ON user_session (org_id);
CREATE INDEX ix_user_session_user_id ON user_session (user_id);
ALTER TABLE user_session ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_session FORCE ROW LEVEL SECURITY;
CREATE POLICY user_session_identity ON user_session TO drovi_identity USING (true) WITH CHECK (true);
CREATE POLICY user_session_auth ON user_session TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON user_session TO drovi_identity;
GRANT SELECT, DELETE ON user_session TO drovi_auth;

CREATE TABLE one_time_token (
    id UUID DEFAULT uuidv7() NOT NULL,
    user_id UUID,
    purpose TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    email TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_one_time_token PRIMARY KEY (id),
    CONSTRAINT ck_one_time_token_purpose CHECK (purpose IN ('sign_up', 'change_email', 'reset_password', 'second_factor')),
    CONSTRAINT fk_one_time_token_user_id FOREIGN KEY(user_id) REFERENCES app_user (id) ON DELETE CASCADE,
    CONSTRAINT uq_one_time_token_token_hash UNIQUE (token_hash)
);
CREATE INDEX ix_one_time_token_email ON one_time_token (email, purpose) WHERE used_at IS NULL;
CREATE INDEX ix_one_time_token_user_id ON one_time_token (user_id);
ALTER TABLE one_time_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE one_time_token FORCE ROW LEVEL SECURITY;
CREATE POLICY one_time_token_identity ON one_time_token TO drovi_identity USING (true) WITH CHECK (true);
CREATE POLICY one_time_token_auth ON one_time_token TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON one_time_token TO drovi_identity;
GRANT SELECT, DELETE ON one_time_token TO drovi_auth;

CREATE TABLE oidc_sign_in (
    state_hash BYTEA NOT NULL,
    browser_hash BYTEA NOT NULL,
    provider TEXT NOT NULL,
    nonce TEXT NOT NULL,
    code_verifier TEXT NOT NULL,
    return_to TEXT DEFAULT '/' NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_oidc_sign_in PRIMARY KEY (state_hash)
);
ALTER TABLE oidc_sign_in ENABLE ROW LEVEL SECURITY;
ALTER TABLE oidc_sign_in FORCE ROW LEVEL SECURITY;
CREATE POLICY oidc_sign_in_identity ON oidc_sign_in TO drovi_identity USING (true) WITH CHECK (true);
CREATE POLICY oidc_sign_in_auth ON oidc_sign_in TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON oidc_sign_in TO drovi_identity;
GRANT SELECT, DELETE ON oidc_sign_in TO drovi_auth;

CREATE TABLE identity_link (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_identity_link PRIMARY KEY (issuer, subject),
    CONSTRAINT fk_identity_link_user_id FOREIGN KEY(user_id) REFERENCES app_user (id) ON DELETE CASCADE
);
CREATE INDEX ix_identity_link_user_id ON identity_link (user_id);
ALTER TABLE identity_link ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity_link FORCE ROW LEVEL SECURITY;
CREATE POLICY identity_link_identity ON identity_link TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity_link TO drovi_identity;

CREATE TABLE rate_limit (
    bucket BYTEA NOT NULL,
    tokens REAL NOT NULL,
    refilled_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_rate_limit PRIMARY KEY (bucket)
);
ALTER TABLE rate_limit ENABLE ROW LEVEL SECURITY;
ALTER TABLE rate_limit FORCE ROW LEVEL SECURITY;
CREATE POLICY rate_limit_identity ON rate_limit TO drovi_identity USING (true) WITH CHECK (true);
CREATE POLICY rate_limit_auth ON rate_limit TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limit TO drovi_identity;
GRANT SELECT, DELETE ON rate_limit TO drovi_auth;

CREATE TABLE outgoing_mail (
    id UUID DEFAULT uuidv7() NOT NULL,
    org_id UUID,
    key_id TEXT NOT NULL,
    ciphertext BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    failed_at TIMESTAMP WITH TIME ZONE,
    error TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_outgoing_mail PRIMARY KEY (id),
    CONSTRAINT fk_outgoing_mail_org_id FOREIGN KEY(org_id) REFERENCES organisation (id) ON DELETE CASCADE
);
CREATE INDEX ix_outgoing_mail_due ON outgoing_mail (due_at) WHERE failed_at IS NULL;
CREATE INDEX ix_outgoing_mail_org_id ON outgoing_mail (org_id);
ALTER TABLE outgoing_mail ENABLE ROW LEVEL SECURITY;
ALTER TABLE outgoing_mail FORCE ROW LEVEL SECURITY;
CREATE POLICY outgoing_mail_app ON outgoing_mail TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid));
CREATE POLICY outgoing_mail_worker ON outgoing_mail TO drovi_worker USING (true) WITH CHECK (true);
CREATE POLICY outgoing_mail_identity ON outgoing_mail TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON outgoing_mail TO drovi_worker;
GRANT INSERT ON outgoing_mail TO drovi_app;
GRANT INSERT ON outgoing_mail TO drovi_identity;

CREATE TABLE admin_user (
    id UUID DEFAULT uuidv7() NOT NULL,
    email TEXT NOT NULL,
    email_verified_at TIMESTAMP WITH TIME ZONE,
    password_hash TEXT,
    password_changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    totp_key_id TEXT,
    totp_ciphertext BYTEA,
    totp_confirmed_at TIMESTAMP WITH TIME ZONE,
    totp_last_step BIGINT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    disabled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_admin_user PRIMARY KEY (id),
    CONSTRAINT ck_admin_user_email CHECK (email = lower(email)),
    CONSTRAINT uq_admin_user_email UNIQUE (email)
);
ALTER TABLE admin_user ENABLE ROW LEVEL SECURITY;
ALTER TABLE admin_user FORCE ROW LEVEL SECURITY;
CREATE POLICY admin_user_identity ON admin_user TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON admin_user TO drovi_identity;

CREATE TABLE admin_session (
    id UUID DEFAULT uuidv7() NOT NULL,
    admin_id UUID NOT NULL,
    token_hash BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    second_factor_at TIMESTAMP WITH TIME ZONE,
    address TEXT DEFAULT '' NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_admin_session PRIMARY KEY (id),
    CONSTRAINT fk_admin_session_admin_id FOREIGN KEY(admin_id) REFERENCES admin_user (id) ON DELETE CASCADE,
    CONSTRAINT uq_admin_session_token_hash UNIQUE (token_hash)
);
CREATE INDEX ix_admin_session_admin_id ON admin_session (admin_id);
ALTER TABLE admin_session ENABLE ROW LEVEL SECURITY;
ALTER TABLE admin_session FORCE ROW LEVEL SECURITY;
CREATE POLICY admin_session_identity ON admin_session TO drovi_identity USING (true) WITH CHECK (true);
CREATE POLICY admin_session_auth ON admin_session TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON admin_session TO drovi_identity;
GRANT SELECT, DELETE ON admin_session TO drovi_auth;

-- Tables of before, for the role that signs people in ---------------------------------------------------

CREATE POLICY organisation_identity ON organisation TO drovi_identity USING (true) WITH CHECK (true);
CREATE POLICY organisation_auth ON organisation TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE ON organisation TO drovi_app;
GRANT SELECT, INSERT, UPDATE ON organisation TO drovi_identity;
GRANT SELECT ON organisation TO drovi_auth;

DROP POLICY app_user_app ON app_user;
CREATE POLICY app_user_app ON app_user TO drovi_app USING ((id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid) OR id IN (SELECT user_id FROM membership))) WITH CHECK ((id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid) OR id IN (SELECT user_id FROM membership)));
CREATE POLICY app_user_identity ON app_user TO drovi_identity USING (true) WITH CHECK (true);
CREATE POLICY app_user_auth ON app_user TO drovi_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON app_user TO drovi_identity;
GRANT SELECT ON app_user TO drovi_auth;

CREATE POLICY membership_identity ON membership TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE, DELETE ON membership TO drovi_app;
GRANT SELECT, INSERT ON membership TO drovi_identity;

DROP POLICY api_key_app ON api_key;
CREATE POLICY api_key_app ON api_key TO drovi_app USING (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND user_id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid)) WITH CHECK (org_id = (SELECT nullif(current_setting('drovi.org_id', true), '')::uuid) AND user_id = (SELECT nullif(current_setting('drovi.user_id', true), '')::uuid));
CREATE POLICY api_key_identity ON api_key TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON api_key TO drovi_app;
GRANT SELECT, UPDATE ON api_key TO drovi_identity;

CREATE POLICY audience_identity ON audience TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON audience TO drovi_identity;

CREATE POLICY audience_member_identity ON audience_member TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON audience_member TO drovi_identity;

