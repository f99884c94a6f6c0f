"""Alembic migrations: what the database is, step by step. A landed migration is never edited."""
