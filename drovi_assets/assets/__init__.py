"""Thin Dagster faces of the pipeline: what can be materialised, and from what. The work itself is plain code below."""
