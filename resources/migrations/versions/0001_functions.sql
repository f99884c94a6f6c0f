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

-- The array and vector operators are not leakproof, so row-level security would keep the planner off their
-- indexes: these three functions carry the same predicate inside instead. A query word is given as the hashes
-- of its forms, and the number (from 1) of the word each form belongs to.

-- How much each word tells (BM25's idf, in the order of the words), over all audiences of the organisation.
-- A word found nowhere weighs most: that it is missing is news.
CREATE FUNCTION search_weights(p_terms integer[], p_words integer[])
RETURNS TABLE (word integer, chunks bigint, idf double precision)
LANGUAGE sql STABLE ROWS 10 SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH organisation AS (
        SELECT coalesce(sum(s.chunks), 0)::bigint AS chunks FROM chunk_stat s
        WHERE s.org_id = nullif(current_setting('drovi.org_id', true), '')::uuid
    ), word AS (
        SELECT f.word, least(coalesce(sum(t.chunks), 0), min(o.chunks))::bigint AS chunks, min(o.chunks) AS total
        FROM organisation o
        CROSS JOIN unnest(p_terms, p_words) AS f (term, word)
        LEFT JOIN term_stat t
               ON t.org_id = nullif(current_setting('drovi.org_id', true), '')::uuid AND t.term = f.term
        GROUP BY f.word
    )
    SELECT w.word, w.chunks, ln(1 + (w.total - w.chunks + 0.5::double precision) / (w.chunks + 0.5)) FROM word w
    ORDER BY w.word
$$;

-- BM25 (k1 = 1.2, b = 0.75) over the chunks the caller may read, as a share (0 to 1) of the highest score the
-- query could get, and the share of the query's weight that each chunk covers. Candidates come from the GIN index, rarest words first for as long as their postings fit in
-- p_candidates; every word then counts in the score. A lone frequent word is cut at four times that. (The ROWS of
-- these functions are estimates: at Postgres' own, 1,000, joining chunks to them reads the whole table.)
CREATE FUNCTION search_lexical(
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
    FROM chunk_stat s WHERE s.org_id = v_org;

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

-- Nearest chunks by inner product over what the caller may read. An approximate index loses recall silently
-- under a filter, so up to p_exact visible chunks are compared one by one, on the covering index alone: half a
-- microsecond each, where the table's own pages cost two to three.
CREATE FUNCTION search_semantic(p_embedding halfvec, p_model text, p_limit integer, p_exact integer DEFAULT 60000)
RETURNS TABLE (chunk_id uuid, similarity real)
LANGUAGE plpgsql STABLE ROWS 50 SECURITY DEFINER SET search_path = public, pg_temp
SET hnsw.iterative_scan = 'relaxed_order' SET hnsw.ef_search = 400 SET enable_sort = off AS $$
DECLARE
    v_org uuid := nullif(current_setting('drovi.org_id', true), '')::uuid;
    v_audiences uuid[] := nullif(current_setting('drovi.audiences', true), '')::uuid[];
    v_visible bigint;
BEGIN
    SELECT coalesce(sum(s.chunks), 0) INTO v_visible
    FROM chunk_stat s WHERE s.org_id = v_org AND s.audience_id = ANY (v_audiences);

    IF v_visible <= p_exact THEN
        RETURN QUERY
        SELECT i.chunk_id, (0 - (i.embedding <#> p_embedding))::real AS product FROM chunk_index i
        WHERE i.org_id = v_org AND i.audience_id = ANY (v_audiences) AND i.model = p_model
        ORDER BY product DESC, i.chunk_id LIMIT p_limit;
    ELSE
        RETURN QUERY
        WITH near AS MATERIALIZED (
            SELECT i.chunk_id, (0 - (i.embedding <#> p_embedding))::real AS product FROM chunk_index i
            WHERE i.org_id = v_org AND i.audience_id = ANY (v_audiences) AND i.model = p_model
            ORDER BY i.embedding <#> p_embedding LIMIT p_limit * 4
        )
        SELECT n.chunk_id, n.product FROM near n ORDER BY n.product DESC, n.chunk_id LIMIT p_limit;
    END IF;
END
$$;

-- A definer function belongs to a role that owns nothing else and can read no more than it needs.
DO $$
BEGIN
    EXECUTE format('GRANT drovi_search, drovi_auth TO %I', current_user);
    GRANT CREATE ON SCHEMA public TO drovi_search, drovi_auth;
    ALTER FUNCTION authenticate(bytea) OWNER TO drovi_auth;
    ALTER FUNCTION search_weights(integer[], integer[]) OWNER TO drovi_search;
    ALTER FUNCTION search_lexical(integer[], integer[], integer, integer) OWNER TO drovi_search;
    ALTER FUNCTION search_semantic(halfvec, text, integer, integer) OWNER TO drovi_search;
    REVOKE CREATE ON SCHEMA public FROM drovi_search, drovi_auth;
END
$$;

REVOKE EXECUTE ON FUNCTION authenticate(bytea) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION search_weights(integer[], integer[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION search_lexical(integer[], integer[], integer, integer) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION search_semantic(halfvec, text, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authenticate(bytea) TO drovi_app;
GRANT EXECUTE ON FUNCTION search_weights(integer[], integer[]) TO drovi_app;
GRANT EXECUTE ON FUNCTION search_lexical(integer[], integer[], integer, integer) TO drovi_app;
GRANT EXECUTE ON FUNCTION search_semantic(halfvec, text, integer, integer) TO drovi_app;
