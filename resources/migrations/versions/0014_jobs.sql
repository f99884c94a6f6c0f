-- Safe beside running code of before: it neither reads nor names the new column.

ALTER TABLE job ADD COLUMN priority INTEGER DEFAULT 0 NOT NULL;
GRANT SELECT (priority), INSERT (priority) ON job TO drovi_identity;
