"""Everything that touches the outside: settings, database, object store, event log, embedder, telemetry.

No business rule lives here, and only ``bindings.py`` knows Dagster.
"""
