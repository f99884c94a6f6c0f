-- Who is calling --------------------------------------------------------------------------------------

-- The owner of an API key with every audience that person is in. No row for a key that is unknown, expired or
-- revoked, nor for one whose owner left, was disabled, or whose organisation lets nobody in.
CREATE FUNCTION authenticate_key(p_key_hash bytea)
RETURNS TABLE (
    org_id uuid, user_id uuid, role text, audiences uuid[], credential_id uuid, email text, scopes text[],
    stale boolean, second_factor_missing boolean
)
LANGUAGE sql STABLE ROWS 1 SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT k.org_id, k.user_id, m.role, ARRAY(
        SELECT a.id FROM audience a WHERE a.org_id = k.org_id AND a.kind = 'organisation'
        UNION
        SELECT r.audience_id FROM audience_member r WHERE r.org_id = k.org_id AND r.user_id = k.user_id
    ), k.id, u.email, k.scopes, coalesce(k.last_used_at < now() - interval '1 minute', true), false
    FROM api_key k
    JOIN membership m ON m.org_id = k.org_id AND m.user_id = k.user_id
    JOIN organisation o ON o.id = k.org_id AND o.status = 'active'
    JOIN app_user u ON u.id = k.user_id AND u.disabled_at IS NULL
    WHERE k.key_hash = p_key_hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
$$;

-- The same of a session. Its organisation's policy counts as it stands now, not as it stood at the sign-in: a
-- shorter session length ends sessions at once, and a factor that became compulsory is asked for in open ones.
CREATE FUNCTION authenticate_session(p_token_hash bytea)
RETURNS TABLE (
    org_id uuid, user_id uuid, role text, audiences uuid[], credential_id uuid, email text, scopes text[],
    stale boolean, second_factor_missing boolean
)
LANGUAGE sql STABLE ROWS 1 SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT s.org_id, s.user_id, m.role, ARRAY(
        SELECT a.id FROM audience a WHERE a.org_id = s.org_id AND a.kind = 'organisation'
        UNION
        SELECT r.audience_id FROM audience_member r WHERE r.org_id = s.org_id AND r.user_id = s.user_id
    ), s.id, u.email, ARRAY['read', 'write', 'manage'], s.last_seen_at < now() - interval '1 minute',
       coalesce(p.second_factor_required, false) AND s.second_factor_at IS NULL
    FROM user_session s
    JOIN membership m ON m.org_id = s.org_id AND m.user_id = s.user_id
    JOIN organisation o ON o.id = s.org_id AND o.status = 'active'
    JOIN app_user u ON u.id = s.user_id AND u.disabled_at IS NULL
    LEFT JOIN organisation_policy p ON p.org_id = s.org_id
    WHERE s.token_hash = p_token_hash AND s.revoked_at IS NULL AND s.expires_at > now()
      AND (p.session_hours IS NULL OR s.created_at > now() - make_interval(hours => p.session_hours))
$$;

-- Takes away what opens nothing any more, and attempts that no longer count. Returns how many rows went. Background
-- work calls it by the hour, and can neither read nor write any of these tables itself.
CREATE FUNCTION forget_expired() RETURNS bigint
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
    )
    SELECT (SELECT count(*) FROM session) + (SELECT count(*) FROM admin) + (SELECT count(*) FROM token)
         + (SELECT count(*) FROM started) + (SELECT count(*) FROM attempts)
$$;

-- Signing in and being refused are audited too. Only a member of the function's owner can let another role call it.
DO $$
BEGIN
    EXECUTE format('GRANT drovi_audit TO %I', current_user);
    GRANT EXECUTE ON FUNCTION audit_append(text, text, text, text, text, text, text, text, jsonb, jsonb)
        TO drovi_identity;
    EXECUTE format('REVOKE drovi_audit FROM %I', current_user);
END
$$;

DO $$
BEGIN
    GRANT CREATE ON SCHEMA public TO drovi_auth;
    ALTER FUNCTION authenticate_key(bytea) OWNER TO drovi_auth;
    ALTER FUNCTION authenticate_session(bytea) OWNER TO drovi_auth;
    ALTER FUNCTION forget_expired() OWNER TO drovi_auth;
    REVOKE CREATE ON SCHEMA public FROM drovi_auth;
END
$$;

REVOKE EXECUTE ON FUNCTION authenticate_key(bytea) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION authenticate_session(bytea) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION forget_expired() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_expired() TO drovi_worker;
GRANT EXECUTE ON FUNCTION authenticate_key(bytea) TO drovi_app;
GRANT EXECUTE ON FUNCTION authenticate_session(bytea) TO drovi_app;
DROP FUNCTION authenticate(bytea);
