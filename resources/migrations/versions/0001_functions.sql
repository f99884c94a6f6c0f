-- Proof before prose ---------------------------------------------------------------------------------

-- A quote is verified when its chunk says exactly these characters at exactly this place.
CREATE FUNCTION evidence_is_verbatim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM chunk
        WHERE chunk.id = NEW.chunk_id
          AND chunk.document_id = NEW.document_id
          AND chunk.org_id = NEW.org_id
          AND chunk.start <= NEW.start
          AND substr(chunk.text, NEW.start - chunk.start + 1, NEW."end" - NEW.start) = NEW.quote
    ) THEN
        RAISE EXCEPTION 'evidence %: the quote does not stand at its place in the chunk', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'evidence_is_verbatim';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER evidence_is_verbatim BEFORE INSERT OR UPDATE ON evidence
    FOR EACH ROW EXECUTE FUNCTION evidence_is_verbatim();

-- What evidence points at cannot be edited under it: text is replaced by deleting and deriving again.
CREATE FUNCTION chunk_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'chunk %: the words of a chunk are immutable', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'chunk_is_immutable';
END
$$;

CREATE TRIGGER chunk_is_immutable BEFORE UPDATE OF text, start, "end", document_id ON chunk
    FOR EACH ROW EXECUTE FUNCTION chunk_is_immutable();

-- No evidence, no row. Deferred, so that an object and its evidence may be written in either order.
CREATE FUNCTION object_has_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked uuid;
BEGIN
    IF TG_TABLE_NAME = 'evidence' THEN
        checked := OLD.object_id;
    ELSE
        checked := NEW.id;
    END IF;
    IF EXISTS (SELECT FROM intelligence_object WHERE id = checked)
       AND NOT EXISTS (SELECT FROM evidence WHERE object_id = checked) THEN
        RAISE EXCEPTION 'intelligence object %: no evidence', checked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'object_has_evidence';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER object_has_evidence AFTER INSERT ON intelligence_object
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION object_has_evidence();
CREATE CONSTRAINT TRIGGER object_keeps_evidence AFTER DELETE OR UPDATE OF object_id ON evidence
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION object_has_evidence();

-- Who is calling --------------------------------------------------------------------------------------

-- The owner of an API key and every audience that person is in. No row for an unknown or expired key.
CREATE FUNCTION authenticate(p_key_hash bytea)
RETURNS TABLE (org_id uuid, user_id uuid, role text, audiences uuid[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT k.org_id, k.user_id, m.role, ARRAY(
        SELECT a.id FROM audience a WHERE a.org_id = k.org_id AND a.kind = 'organisation'
        UNION
        SELECT r.audience_id FROM audience_member r WHERE r.org_id = k.org_id AND r.user_id = k.user_id
    )
    FROM api_key k JOIN membership m ON m.org_id = k.org_id AND m.user_id = k.user_id
    WHERE k.key_hash = p_key_hash AND (k.expires_at IS NULL OR k.expires_at > now())
$$;

-- Search ------------------------------------------------------------------------------------------------

-- BM25 (k1 = 1.2, b = 0.75) over the chunks the caller may read. Candidates come from the GIN index, rarest
-- terms first, until their postings would exceed p_candidates; every query term then counts in the score.
-- The array operators are not leakproof, so row-level security would keep the planner off that index: the
-- same predicate stands here instead.
CREATE FUNCTION search_lexical(p_terms integer[], p_limit integer, p_candidates integer DEFAULT 3000)
RETURNS TABLE (chunk_id uuid, score real)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_org uuid := nullif(current_setting('drovi.org_id', true), '')::uuid;
    v_audiences uuid[] := nullif(current_setting('drovi.audiences', true), '')::uuid[];
    v_chunks bigint;
    v_average real;
    v_seeds integer[];
BEGIN
    SELECT sum(s.chunks), sum(s.terms)::real / greatest(sum(s.chunks), 1) INTO v_chunks, v_average
    FROM chunk_stat s WHERE s.org_id = v_org;

    SELECT array_agg(ranked.term) INTO v_seeds FROM (
        SELECT t.term, sum(t.chunks) OVER (ORDER BY t.chunks, t.term) - t.chunks AS before
        FROM term_stat t WHERE t.org_id = v_org AND t.term = ANY (p_terms)
    ) ranked WHERE ranked.before < p_candidates;

    RETURN QUERY
    WITH weight AS MATERIALIZED (
        SELECT t.term, ln(1 + (v_chunks - t.chunks + 0.5) / (t.chunks + 0.5)) AS idf
        FROM term_stat t WHERE t.org_id = v_org AND t.term = ANY (p_terms)
    ), candidate AS MATERIALIZED (
        SELECT i.chunk_id, i.terms, i.frequencies, i.length FROM chunk_index i
        WHERE i.terms && v_seeds AND i.org_id = v_org AND i.audience_id = ANY (v_audiences)
        LIMIT p_candidates * 2
    )
    SELECT c.chunk_id,
           sum(w.idf * f.tf * 2.2 / (f.tf + 1.2 * (0.25 + 0.75 * c.length / v_average)))::real AS bm25
    FROM candidate c
    CROSS JOIN weight w
    CROSS JOIN LATERAL (SELECT c.frequencies[array_position(c.terms, w.term)] AS tf) f
    WHERE f.tf IS NOT NULL
    GROUP BY c.chunk_id
    ORDER BY bm25 DESC, c.chunk_id
    LIMIT p_limit;
END
$$;

-- Nearest chunks by inner product over what the caller may read. An approximate index loses recall silently
-- under a filter, so up to p_exact visible chunks are compared one by one.
CREATE FUNCTION search_semantic(p_embedding halfvec, p_model text, p_limit integer, p_exact integer DEFAULT 10000)
RETURNS TABLE (chunk_id uuid, similarity real)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET hnsw.iterative_scan = 'relaxed_order' SET hnsw.ef_search = 400 AS $$
DECLARE
    v_org uuid := nullif(current_setting('drovi.org_id', true), '')::uuid;
    v_audiences uuid[] := nullif(current_setting('drovi.audiences', true), '')::uuid[];
    v_visible bigint;
BEGIN
    SELECT coalesce(sum(s.chunks), 0) INTO v_visible
    FROM chunk_stat s WHERE s.org_id = v_org AND s.audience_id = ANY (v_audiences);

    IF v_visible <= p_exact THEN
        RETURN QUERY
        WITH visible AS MATERIALIZED (
            SELECT i.chunk_id, -(i.embedding <#> p_embedding) AS product FROM chunk_index i
            WHERE i.org_id = v_org AND i.audience_id = ANY (v_audiences) AND i.model = p_model
        )
        SELECT v.chunk_id, v.product::real FROM visible v ORDER BY v.product DESC, v.chunk_id LIMIT p_limit;
    ELSE
        RETURN QUERY
        WITH near AS MATERIALIZED (
            SELECT i.chunk_id, -(i.embedding <#> p_embedding) AS product FROM chunk_index i
            WHERE i.org_id = v_org AND i.audience_id = ANY (v_audiences) AND i.model = p_model
            ORDER BY i.embedding <#> p_embedding LIMIT p_limit * 4
        )
        SELECT n.chunk_id, n.product::real FROM near n ORDER BY n.product DESC, n.chunk_id LIMIT p_limit;
    END IF;
END
$$;

-- A definer function belongs to a role that owns nothing else and can read no more than it needs.
DO $$
BEGIN
    EXECUTE format('GRANT drovi_search, drovi_auth TO %I', current_user);
    GRANT CREATE ON SCHEMA public TO drovi_search, drovi_auth;
    ALTER FUNCTION authenticate(bytea) OWNER TO drovi_auth;
    ALTER FUNCTION search_lexical(integer[], integer, integer) OWNER TO drovi_search;
    ALTER FUNCTION search_semantic(halfvec, text, integer, integer) OWNER TO drovi_search;
    REVOKE CREATE ON SCHEMA public FROM drovi_search, drovi_auth;
END
$$;

REVOKE EXECUTE ON FUNCTION authenticate(bytea) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION search_lexical(integer[], integer, integer) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION search_semantic(halfvec, text, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authenticate(bytea) TO drovi_app;
GRANT EXECUTE ON FUNCTION search_lexical(integer[], integer, integer) TO drovi_app;
GRANT EXECUTE ON FUNCTION search_semantic(halfvec, text, integer, integer) TO drovi_app;
