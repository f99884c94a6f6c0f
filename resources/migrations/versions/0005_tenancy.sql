ALTER TABLE invitation ADD COLUMN name TEXT DEFAULT '' NOT NULL;

-- A key goes with its owner's membership. Not forced for a moment: else the tables' owner sees no row to delete.
ALTER TABLE api_key NO FORCE ROW LEVEL SECURITY;
ALTER TABLE membership NO FORCE ROW LEVEL SECURITY;
DELETE FROM api_key k
WHERE NOT EXISTS (SELECT FROM membership m WHERE m.org_id = k.org_id AND m.user_id = k.user_id);
ALTER TABLE membership FORCE ROW LEVEL SECURITY;
ALTER TABLE api_key FORCE ROW LEVEL SECURITY;
ALTER TABLE api_key DROP CONSTRAINT fk_api_key_user_id,
    ADD CONSTRAINT fk_api_key_org_id_user_id FOREIGN KEY (org_id, user_id)
        REFERENCES membership (org_id, user_id) ON DELETE CASCADE;

-- The last owner stays, whoever asks and however. Deferred, so that ownership can be handed over in either order. The
-- organisation's row is locked: of two owners who go at once, the second waits and then sees that the first is gone.
-- An organisation that goes itself, and a person who is erased (the cascade runs as the tables' owner, who sees no
-- row), take their memberships along; whoever erases a person sees to it that somebody is left.
CREATE FUNCTION organisation_keeps_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM organisation WHERE id = OLD.org_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (SELECT FROM membership WHERE org_id = OLD.org_id AND role = 'OWNER') THEN
        RAISE EXCEPTION 'organisation %: no owner is left', OLD.org_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'organisation_keeps_an_owner';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER organisation_keeps_an_owner AFTER DELETE OR UPDATE OF role ON membership
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.role = 'OWNER')
    EXECUTE FUNCTION organisation_keeps_an_owner();

-- The audit log is searched by what it was done to, by whom, by what was done, and by when.
CREATE INDEX ix_audit_entry_subject ON audit_entry (org_id, subject_id, sequence);
CREATE INDEX ix_audit_entry_actor ON audit_entry (org_id, actor_id, sequence);
CREATE INDEX ix_audit_entry_action ON audit_entry (org_id, action, sequence);
CREATE INDEX ix_audit_entry_at ON audit_entry (org_id, at);
