-- An item has a connection, of its own organisation --------------------------------------------------
--
-- What the foreign key held, at the price of a look-up a page instead of one a row: items come by the
-- thousand, all of one connection. Three triggers take its place; row locks are the ones it took.

ALTER TABLE source_item DROP CONSTRAINT fk_source_item_connection_id;

-- The key-share lock makes a concurrent deletion of the connection wait until these items can be seen.
CREATE FUNCTION source_item_has_connection() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    item record;
BEGIN
    FOR item IN SELECT DISTINCT connection_id, org_id FROM landed ORDER BY connection_id LOOP
        PERFORM FROM connection WHERE id = item.connection_id AND org_id = item.org_id FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'source item: its organisation has no connection %', item.connection_id
                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'source_item_has_connection';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE TRIGGER source_item_has_connection AFTER INSERT ON source_item
    REFERENCING NEW TABLE AS landed FOR EACH STATEMENT EXECUTE FUNCTION source_item_has_connection();

CREATE FUNCTION source_item_keeps_connection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'source item %: an item stays with its connection and its organisation', OLD.id
        USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'source_item_keeps_connection';
END
$$;

CREATE TRIGGER source_item_keeps_connection BEFORE UPDATE OF connection_id, org_id ON source_item
    FOR EACH ROW WHEN (OLD.connection_id <> NEW.connection_id OR OLD.org_id <> NEW.org_id)
    EXECUTE FUNCTION source_item_keeps_connection();

-- As a foreign key's cascade does, it sees every item, whoever deletes: as the role that owns this function,
-- which owns nothing else. An old snapshot could hide items that have landed since, and is refused.
CREATE FUNCTION connection_takes_items() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'connection %: it is deleted in a transaction that is READ COMMITTED', OLD.id
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    DELETE FROM source_item WHERE connection_id = OLD.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER connection_takes_items AFTER DELETE ON connection
    FOR EACH ROW EXECUTE FUNCTION connection_takes_items();

-- TRUNCATE ... CASCADE follows foreign keys alone: it would leave the items.
CREATE FUNCTION connection_is_not_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'connections are deleted one by one, with what hangs on them'
        USING ERRCODE = 'feature_not_supported';
END
$$;

CREATE TRIGGER connection_is_not_truncated BEFORE TRUNCATE ON connection
    FOR EACH STATEMENT EXECUTE FUNCTION connection_is_not_truncated();

-- Roles belong to the cluster, so another database of it may have made it already.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'drovi_cascade') THEN
        CREATE ROLE drovi_cascade NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
    EXECUTE format('GRANT drovi_cascade TO %I', current_user);
    GRANT USAGE, CREATE ON SCHEMA public TO drovi_cascade;
    ALTER FUNCTION connection_takes_items() OWNER TO drovi_cascade;
    REVOKE CREATE ON SCHEMA public FROM drovi_cascade;
END
$$;

CREATE POLICY source_item_cascade ON source_item TO drovi_cascade USING (true) WITH CHECK (true);
GRANT SELECT, DELETE ON source_item TO drovi_cascade;
REVOKE EXECUTE ON FUNCTION connection_takes_items() FROM PUBLIC;
