"""The stages from a landed source item to something that can be found and proven, as plain code.

Each stage is idempotent over a batch of items: ids are derived from what a row is made of, so a replay writes
the same rows, and writes nothing where they stand already. Runs (bulk) and sensor ticks (live) are two
thin faces of ``run.py``. Nothing here imports Dagster.
"""
