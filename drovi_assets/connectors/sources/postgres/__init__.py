"""PostgreSQL as a source: ``connector`` reads, ``table`` knows one table and its SQL, ``errors`` names what goes wrong."""

from drovi_assets.connectors.sources.postgres.connector import Postgres
from drovi_assets.connectors.sources.postgres.table import PostgresConfig, TableConfig

__all__ = ["Postgres", "PostgresConfig", "TableConfig"]
