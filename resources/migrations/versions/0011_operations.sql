-- How far backfills are, told to those who watch their connection; and what the administration sees of events -----

-- As before, and with the progress of the connection's backfill while there is one, at most once a second by itself.
-- Two transactions that each end jobs of several organisations may take their locks in different orders: Postgres ends one
-- of them, and its tick is repeated.
DO $$
BEGIN
    EXECUTE format('GRANT drovi_events TO %I', current_user);
    GRANT CREATE ON SCHEMA public TO drovi_events;
END
$$;

CREATE OR REPLACE FUNCTION connection_tell() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_connection uuid;
    v_row connection;
    v_state jsonb;
    v_last jsonb;
    v_told_at timestamptz;
    v_job job;
    v_progress_alone boolean := false;
BEGIN
    IF TG_TABLE_NAME = 'connection' THEN
        v_connection := NEW.id;
    ELSE
        v_connection := NEW.connection_id;
    END IF;
    IF TG_TABLE_NAME = 'job' THEN
        v_progress_alone := NEW.status = OLD.status;  -- of no other table: each has columns of its own
    END IF;
    IF v_progress_alone THEN
        -- How far it is will be told again in a moment: a worker waits for nobody with it.
        IF NOT pg_try_advisory_xact_lock(hashtextextended('connection_event:' || NEW.org_id, 0)) THEN
            RETURN NULL;
        END IF;
    ELSE
        PERFORM pg_advisory_xact_lock(hashtextextended('connection_event:' || NEW.org_id, 0));
    END IF;
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
    SELECT * INTO v_job FROM job j
    WHERE j.connection_id = v_connection AND j.kind = 'backfill' AND j.status IN ('queued', 'running')
          AND j.progress ? 'windows_total'
    ORDER BY j.id DESC LIMIT 1;
    IF FOUND THEN
        v_state := v_state || jsonb_build_object('progress', jsonb_build_object(
            'items', v_state -> 'items', 'windows_done', v_job.progress -> 'windows_done',
            'windows_total', v_job.progress -> 'windows_total', 'eta_seconds', v_job.progress -> 'eta_seconds',
            'last_error', v_job.progress -> 'last_error'
        ));
    END IF;
    SELECT e.state, e.created_at INTO v_last, v_told_at
    FROM connection_event e WHERE e.connection_id = v_connection ORDER BY e.id DESC LIMIT 1;
    IF v_progress_alone AND v_last ? 'progress' AND v_told_at > clock_timestamp() - interval '1 second' THEN
        RETURN NULL;
    END IF;
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

CREATE CONSTRAINT TRIGGER progress_is_told AFTER UPDATE ON job
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.kind = 'backfill' AND NEW.connection_id IS NOT NULL
          AND (OLD.progress, OLD.status) IS DISTINCT FROM (NEW.progress, NEW.status))
    EXECUTE FUNCTION connection_tell();

DO $$
BEGIN
    REVOKE CREATE ON SCHEMA public FROM drovi_events;
    EXECUTE format('REVOKE drovi_events FROM %I', current_user);
END
$$;

CREATE POLICY job_events ON job TO drovi_events USING (true) WITH CHECK (true);
GRANT SELECT ON job TO drovi_events;

CREATE POLICY outbox_identity ON outbox TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT ("id", "topic", "created_at") ON outbox TO drovi_identity;
CREATE POLICY event_identity ON event TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT ("topic", "partition", "offset", "created_at") ON event TO drovi_identity;
CREATE POLICY delayed_event_identity ON delayed_event TO drovi_identity USING (true) WITH CHECK (true);
GRANT SELECT ("id", "topic", "not_before") ON delayed_event TO drovi_identity;
GRANT UPDATE ("max_attempts") ON job TO drovi_identity;
