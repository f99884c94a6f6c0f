"""The run that goes by the clock: the checks, every night, over everything there is."""

from __future__ import annotations

import dagster as dg

NIGHTLY_CHECKS = "nightly_checks"
GOLDEN_EVALUATION = "golden_evaluation"
"""The kind of job that asks for it; ``chores.periodic`` says when."""

checks_job = dg.define_asset_job(
    NIGHTLY_CHECKS,
    selection=dg.AssetSelection.all_asset_checks(),
    description="Every check over every connection: rows, golden sets, what failed and still stands.",
    tags={"dagster/max_runtime": "3600"},
)
