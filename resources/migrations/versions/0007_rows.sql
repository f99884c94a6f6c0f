-- Rows that pointed at a set of people point at their source from now on ---------------------------------

-- Policies are forced on the owner of the tables too, who has none: for the length of this they are not.
DO $$
DECLARE
    forced text;
BEGIN
    FOREACH forced IN ARRAY ARRAY[
        'app_user', 'audience', 'audience_member', 'connection', 'source_item', 'skipped_item', 'record', 'document',
        'block', 'chunk', 'chunk_index', 'chunk_stat', 'term_stat', 'intelligence_object', 'evidence', 'stream_cursor',
        'reader_set', 'reader_set_member', 'connection_event'
    ] LOOP
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', forced);
    END LOOP;
END
$$;

INSERT INTO audience (org_id, kind, member_key, connection_id)
SELECT org_id, 'source', 'source:' || id, id FROM connection;

-- Items with readers of their own: what is known of those are the members that they were.
CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
SELECT DISTINCT i.org_id, i.connection_id, i.audience_id AS before, i.audience_id = c.audience_id AS plain
FROM source_item i JOIN connection c ON c.id = i.connection_id;

INSERT INTO reader_set (org_id, key) SELECT DISTINCT org_id, 'audience:' || before FROM moved WHERE NOT plain;

INSERT INTO reader_set_member (org_id, reader_set_id, email)
SELECT s.org_id, s.id, u.email
FROM reader_set s
JOIN audience_member m ON s.key = 'audience:' || m.audience_id
JOIN app_user u ON u.id = m.user_id;

INSERT INTO audience (org_id, kind, member_key, connection_id, reader_set_id)
SELECT m.org_id, 'source', 'source:' || m.connection_id || ':' || s.id, m.connection_id, s.id
FROM moved m JOIN reader_set s ON s.org_id = m.org_id AND s.key = 'audience:' || m.before
WHERE NOT m.plain;

UPDATE source_item i SET audience_id = a.id
FROM moved m
LEFT JOIN reader_set s ON NOT m.plain AND s.org_id = m.org_id AND s.key = 'audience:' || m.before
JOIN audience a ON a.connection_id = m.connection_id AND a.reader_set_id IS NOT DISTINCT FROM s.id
WHERE i.connection_id = m.connection_id AND i.audience_id = m.before;

UPDATE connection c SET audience_id = a.id FROM audience a
WHERE a.connection_id = c.id AND a.reader_set_id IS NULL;
UPDATE skipped_item k SET audience_id = c.audience_id FROM connection c WHERE c.id = k.connection_id;

-- Whatever was derived from one item has that item's audience.
UPDATE record r SET audience_id = i.audience_id FROM source_item i WHERE i.id = r.source_item_id;
UPDATE document d SET audience_id = r.audience_id FROM record r WHERE r.id = d.record_id;
UPDATE block b SET audience_id = d.audience_id FROM document d WHERE d.id = b.document_id;
UPDATE chunk c SET audience_id = d.audience_id FROM document d WHERE d.id = c.document_id;
UPDATE chunk_index x SET audience_id = c.audience_id FROM chunk c WHERE c.id = x.chunk_id;
UPDATE intelligence_object o SET audience_id = d.audience_id FROM document d WHERE d.id = o.document_id;
UPDATE evidence e SET audience_id = d.audience_id FROM document d WHERE d.id = e.document_id;
DELETE FROM chunk_stat;
INSERT INTO chunk_stat (org_id, audience_id, chunks, terms)
SELECT org_id, audience_id, count(*), sum(length) FROM chunk_index GROUP BY org_id, audience_id;

INSERT INTO term_stat (org_id, term, audience_id, chunks)
SELECT i.org_id, t.term, i.audience_id, count(*) FROM chunk_index i, unnest(i.terms) AS t (term)
GROUP BY i.org_id, t.term, i.audience_id;

-- Every connection has told its state once.
INSERT INTO connection_event (org_id, id, audience_id, connection_id, state)
SELECT c.org_id, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + row_number() OVER (ORDER BY c.id),
       c.audience_id, c.id, jsonb_build_object(
           'id', c.id, 'visibility', c.visibility, 'status', c.status, 'status_detail', c.status_detail,
           'last_synced_at', c.last_synced_at, 'items', coalesce((
               SELECT sum(s.items) FROM stream_cursor s WHERE s.connection_id = c.id
           ), 0)
       )
FROM connection c;

-- Deferred constraints are checked before the tables change again.
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
DO $$
DECLARE
    forced text;
BEGIN
    FOR forced IN
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relrowsecurity AND NOT relforcerowsecurity
    LOOP
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', forced);
    END LOOP;
END
$$;
