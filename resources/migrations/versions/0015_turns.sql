-- Without the first, a list of objects of every kind sorted all that its organisation has; without the second, whoever
-- took up work ranked everything that waited.

CREATE INDEX IF NOT EXISTS ix_intelligence_object_recorded ON intelligence_object (org_id, recorded_at, id)
    WHERE superseded_at IS NULL;
CREATE INDEX IF NOT EXISTS ix_job_turn ON job (org_id, priority DESC, run_at, id) WHERE status = 'queued';
