-- Who may read what ------------------------------------------------------------------------------------

-- Every audience a member is in, at this moment: the one place that says it. Of nobody who is no member.
--
-- Rows point at their source. Who that opens them to follows from the connection's row (shared, or its owner's alone)
-- and from the addresses its provider named, so that sharing, taking back, joining, leaving and a new address take
-- effect with the next request, however many rows there are.
CREATE FUNCTION audiences_of(p_org uuid, p_user uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_email text;
    v_sets uuid[];
    v_mine uuid[];
BEGIN
    IF NOT EXISTS (SELECT FROM membership m WHERE m.org_id = p_org AND m.user_id = p_user) THEN
        RETURN '{}';
    END IF;
    v_mine := ARRAY(
        SELECT a.id FROM audience a WHERE a.org_id = p_org AND a.member_key = '*'
    ) || ARRAY(
        SELECT r.audience_id FROM audience_member r WHERE r.org_id = p_org AND r.user_id = p_user
    ) || ARRAY(
        SELECT a.id FROM connection c JOIN audience a ON a.id = c.audience_id AND a.connection_id = c.id
        WHERE c.org_id = p_org AND c.visibility = 'ORG_SHARED'
    ) || ARRAY(
        SELECT a.id FROM connection c JOIN audience a ON a.id = c.audience_id AND a.connection_id = c.id
        WHERE c.org_id = p_org AND c.owner_id = p_user AND c.visibility = 'PRIVATE'
    );
    -- Step by step, from the person's own address: in one query the planner begins with every audience there is.
    -- An address that nobody has shown to be theirs reads nothing.
    SELECT u.email INTO v_email FROM app_user u WHERE u.id = p_user AND u.email_verified_at IS NOT NULL;
    v_sets := ARRAY(SELECT r.reader_set_id FROM reader_set_member r WHERE r.org_id = p_org AND r.email = v_email);
    IF v_sets <> '{}' THEN
        v_mine := v_mine || ARRAY(
            SELECT a.id FROM audience a
            JOIN connection c ON c.id = a.connection_id AND (c.visibility = 'ORG_SHARED' OR c.owner_id = p_user)
            WHERE a.reader_set_id = ANY (v_sets)
        );
    END IF;
    RETURN v_mine || ARRAY(
        SELECT a.id FROM audience a WHERE a.org_id = p_org AND a.kind = 'joint' AND a.parts <@ v_mine
    );
END
$$;

-- The owner of an API key with every audience that person is in. No row for a key that is unknown, expired or
-- revoked, nor for one whose owner left, was disabled, or whose organisation lets nobody in.
CREATE OR REPLACE FUNCTION authenticate_key(p_key_hash bytea)
RETURNS TABLE (
    org_id uuid, user_id uuid, role text, audiences uuid[], credential_id uuid, email text, scopes text[],
    stale boolean, second_factor_missing boolean
)
LANGUAGE sql STABLE ROWS 1 SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT k.org_id, k.user_id, m.role, audiences_of(k.org_id, k.user_id), k.id, u.email, k.scopes,
           coalesce(k.last_used_at < now() - interval '1 minute', true), false
    FROM api_key k
    JOIN membership m ON m.org_id = k.org_id AND m.user_id = k.user_id
    JOIN organisation o ON o.id = k.org_id AND o.status = 'active'
    JOIN app_user u ON u.id = k.user_id AND u.disabled_at IS NULL
    WHERE k.key_hash = p_key_hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
$$;

-- The same of a session. Its organisation's policy counts as it stands now, not as it stood at the sign-in: a
-- shorter session length ends sessions at once, and a factor that became compulsory is asked for in open ones.
CREATE OR REPLACE FUNCTION authenticate_session(p_token_hash bytea)
RETURNS TABLE (
    org_id uuid, user_id uuid, role text, audiences uuid[], credential_id uuid, email text, scopes text[],
    stale boolean, second_factor_missing boolean
)
LANGUAGE sql STABLE ROWS 1 SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT s.org_id, s.user_id, m.role, audiences_of(s.org_id, s.user_id), s.id, u.email,
           ARRAY['read', 'write', 'manage'], s.last_seen_at < now() - interval '1 minute',
           coalesce(p.second_factor_required, false) AND s.second_factor_at IS NULL
    FROM user_session s
    JOIN membership m ON m.org_id = s.org_id AND m.user_id = s.user_id
    JOIN organisation o ON o.id = s.org_id AND o.status = 'active'
    JOIN app_user u ON u.id = s.user_id AND u.disabled_at IS NULL
    LEFT JOIN organisation_policy p ON p.org_id = s.org_id
    WHERE s.token_hash = p_token_hash AND s.revoked_at IS NULL AND s.expires_at > now()
      AND (p.session_hours IS NULL OR s.created_at > now() - make_interval(hours => p.session_hours))
$$;

-- Search ------------------------------------------------------------------------------------------------

-- How much each word tells (BM25's idf, in the order of the words), by what the caller may read: a weight that
-- counted the rest would tell whoever asks for a word whether it stands there.
-- A word found nowhere weighs most: that it is missing is news.
CREATE OR REPLACE FUNCTION search_weights(p_terms integer[], p_words integer[])
RETURNS TABLE (word integer, chunks bigint, idf double precision)
LANGUAGE plpgsql STABLE ROWS 10 SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_org uuid := nullif(current_setting('drovi.org_id', true), '')::uuid;
    v_audiences uuid[] := nullif(current_setting('drovi.audiences', true), '')::uuid[];
    v_total bigint;
BEGIN
    SELECT coalesce(sum(s.chunks), 0) INTO v_total
    FROM chunk_stat s WHERE s.org_id = v_org AND s.audience_id = ANY (v_audiences);

    RETURN QUERY
    WITH found AS (
        SELECT f.word, least(coalesce(sum(t.chunks), 0), v_total)::bigint AS chunks
        FROM unnest(p_terms, p_words) AS f (term, word)
        LEFT JOIN term_stat t ON t.org_id = v_org AND t.term = f.term AND t.audience_id = ANY (v_audiences)
        GROUP BY f.word
    )
    SELECT w.word, w.chunks, ln(1 + (v_total - w.chunks + 0.5::double precision) / (w.chunks + 0.5)) FROM found w
    ORDER BY w.word;
END
$$;

-- BM25 (k1 = 1.2, b = 0.75) over the chunks the caller may read, as a share (0 to 1) of the highest score the
-- query could get, and the share of the query's weight that each chunk covers. Candidates come from the GIN index, rarest words first for as long as their postings fit in
-- p_candidates; every word then counts in the score. A lone frequent word is cut at four times that. (The ROWS of
-- these functions are estimates: at Postgres' own, 1,000, joining chunks to them reads the whole table.)
CREATE OR REPLACE FUNCTION search_lexical(
    p_terms integer[], p_words integer[], p_limit integer, p_candidates integer DEFAULT 2500
)
RETURNS TABLE (chunk_id uuid, score real, coverage real)
LANGUAGE plpgsql STABLE ROWS 50 SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_org uuid := nullif(current_setting('drovi.org_id', true), '')::uuid;
    v_audiences uuid[] := nullif(current_setting('drovi.audiences', true), '')::uuid[];
    v_average double precision;
    v_idf double precision[];
    v_total double precision;
    v_seeds integer[];
BEGIN
    SELECT sum(s.terms)::double precision / greatest(sum(s.chunks), 1) INTO v_average
    FROM chunk_stat s WHERE s.org_id = v_org AND s.audience_id = ANY (v_audiences);

    WITH ranked AS (
        SELECT w.word, w.idf, row_number() OVER rarest AS place, sum(w.chunks) OVER rarest AS postings
        FROM search_weights(p_terms, p_words) w WINDOW rarest AS (ORDER BY w.chunks, w.word)
    ), seed AS (
        SELECT f.term FROM ranked r JOIN unnest(p_terms, p_words) AS f (term, word) ON f.word = r.word
        WHERE r.postings <= p_candidates
           -- Words found nowhere stand first and bring no candidate: the first that exists always seeds.
           OR r.place = (SELECT min(q.place) FROM ranked q WHERE q.postings > 0)
    )
    SELECT array_agg(r.idf ORDER BY r.word), sum(r.idf), (SELECT array_agg(s.term) FROM seed s)
    INTO v_idf, v_total, v_seeds FROM ranked r;

    RETURN QUERY
    -- The limit stands outside: inside, it would tempt the planner to walk the organisation's rows instead of the
    -- postings, ten times as slow.
    WITH candidate AS MATERIALIZED (
        SELECT i.chunk_id, i.terms, i.frequencies, i.length FROM chunk_index i
        WHERE i.terms && v_seeds AND i.org_id = v_org AND i.audience_id = ANY (v_audiences)
    )
    SELECT c.chunk_id, ranking.bm25, ranking.covered
    FROM (SELECT * FROM candidate LIMIT p_candidates * 4) c
    CROSS JOIN LATERAL (
        SELECT (sum(v_idf[hit.word] * hit.tf
                    / (hit.tf + 0.3::double precision + 0.9::double precision * c.length / v_average))
                / v_total)::real AS bm25,
               (sum(v_idf[hit.word]) / v_total)::real AS covered
        FROM (
            -- Terms are sorted: width_bucket is a binary search, array_position would read them all.
            SELECT f.word, sum(c.frequencies[width_bucket(f.term, c.terms)])::double precision AS tf
            FROM unnest(p_terms, p_words) AS f (term, word)
            WHERE c.terms[width_bucket(f.term, c.terms)] = f.term
            GROUP BY f.word
        ) hit
    ) ranking
    ORDER BY ranking.bm25 DESC, c.chunk_id
    LIMIT p_limit;
END
$$;

-- What streams tell ------------------------------------------------------------------------------------

-- Writes a connection's state down for those who watch it, at the commit that changed it. Under a lock until the
-- commit is seen, so that numbers rise in the order of commits and who has read up to one has missed none before it.
-- A sync that brought nothing is told once a minute. A connection's events of the last day are kept, and its last.
CREATE FUNCTION connection_tell() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_connection uuid;
    v_row connection;
    v_state jsonb;
    v_last jsonb;
BEGIN
    IF TG_TABLE_NAME = 'connection' THEN
        v_connection := NEW.id;
    ELSE
        v_connection := NEW.connection_id;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('connection_event:' || NEW.org_id, 0));
    SELECT * INTO v_row FROM connection c WHERE c.id = v_connection;
    IF NOT FOUND THEN
        RETURN NULL;  -- gone again in the same transaction
    END IF;
    v_state := jsonb_build_object(
        'id', v_row.id, 'visibility', v_row.visibility, 'status', v_row.status, 'status_detail', v_row.status_detail,
        'last_synced_at', v_row.last_synced_at, 'items', coalesce((
            SELECT sum(s.items) FROM stream_cursor s WHERE s.connection_id = v_connection
        ), 0)
    );
    SELECT e.state INTO v_last FROM connection_event e WHERE e.connection_id = v_connection ORDER BY e.id DESC LIMIT 1;
    IF v_state - 'last_synced_at' = v_last - 'last_synced_at'
       AND v_row.last_synced_at - (v_last ->> 'last_synced_at')::timestamptz < interval '1 minute' THEN
        RETURN NULL;
    END IF;
    IF v_state = v_last THEN
        RETURN NULL;
    END IF;
    INSERT INTO connection_event (org_id, id, audience_id, connection_id, state)
    SELECT v_row.org_id, greatest(
               (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
               1 + (SELECT max(e.id) FROM connection_event e WHERE e.org_id = v_row.org_id)
           ), v_row.audience_id, v_connection, v_state;
    DELETE FROM connection_event e
    WHERE e.connection_id = v_connection AND e.created_at < now() - interval '1 day' AND e.id < (
        SELECT max(l.id) FROM connection_event l WHERE l.connection_id = v_connection
    );
    PERFORM pg_notify('drovi_connections', v_row.org_id::text);
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER connection_tells_its_beginning AFTER INSERT ON connection
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION connection_tell();
CREATE CONSTRAINT TRIGGER connection_tells AFTER UPDATE ON connection
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.visibility, OLD.status, OLD.status_detail, OLD.last_synced_at)
          IS DISTINCT FROM (NEW.visibility, NEW.status, NEW.status_detail, NEW.last_synced_at))
    EXECUTE FUNCTION connection_tell();
CREATE CONSTRAINT TRIGGER first_items_are_told AFTER INSERT ON stream_cursor
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.items > 0) EXECUTE FUNCTION connection_tell();
CREATE CONSTRAINT TRIGGER items_are_told AFTER UPDATE ON stream_cursor
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.items <> OLD.items) EXECUTE FUNCTION connection_tell();

DO $$
BEGIN
    EXECUTE format('GRANT drovi_events TO %I', current_user);
    GRANT CREATE ON SCHEMA public TO drovi_auth, drovi_events;
    ALTER FUNCTION audiences_of(uuid, uuid) OWNER TO drovi_auth;
    ALTER FUNCTION connection_tell() OWNER TO drovi_events;
    REVOKE CREATE ON SCHEMA public FROM drovi_auth, drovi_events;
END
$$;

REVOKE EXECUTE ON FUNCTION audiences_of(uuid, uuid) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION connection_tell() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audiences_of(uuid, uuid) TO drovi_app, drovi_worker;

-- The tables' owner is no member of the role that may write them.
DO $$
BEGIN
    EXECUTE format('REVOKE drovi_events FROM %I', current_user);
END
$$;
