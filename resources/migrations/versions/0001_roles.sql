-- Roles belong to the cluster, so another database of it may have made them already.
-- Log-in roles get their passwords from `drovi migrate`; the owners of definer functions never log in.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['drovi_app', 'drovi_worker', 'drovi_search', 'drovi_auth'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', role_name);
        END IF;
    END LOOP;
END
$$;

CREATE EXTENSION IF NOT EXISTS vector;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO drovi_app, drovi_worker, drovi_search, drovi_auth;
