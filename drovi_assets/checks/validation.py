"""Great Expectations as a function: rows and expectations in, what does not hold out.

Its import takes eight CPU-seconds, so it happens here, with the first check; its context is in memory and it
reports nothing to anybody.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drovi_assets.checks.expectations import Expectation

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Broken:
    """An expectation that does not hold: of how many rows, and some of the values that break it."""

    expectation: str
    rows: int
    examples: tuple[str, ...]


def validate(name: str, rows: Sequence[dict[str, Any]], suite: Sequence[Expectation]) -> list[Broken]:
    """The expectations of a suite that the rows break; none for no rows."""
    if not rows:
        return []
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # before the import reads it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of modules that it imports
        import great_expectations as gx
        import pandas as pd
        from great_expectations.data_context.types import base

    # Its defaults leave a folder of documentation behind in the temporary folder, one a validation.
    stores = base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    quiet = base.ProgressBarsConfig(globally=False)
    config = base.DataContextConfig(
        store_backend_defaults=stores, progress_bars=quiet, analytics_enabled=False
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    batch = (
        context.data_sources.add_pandas(name)
        .add_dataframe_asset(name)
        .add_batch_definition_whole_dataframe(name)
        .get_batch({"dataframe": pd.DataFrame(rows)})
    )
    made = [_made(gx, expectation) for expectation in suite]
    result = batch.validate(gx.ExpectationSuite(name=name, expectations=made))
    return [_broken(one) for one in result.results if not one.success]


def _made(gx: Any, expectation: Expectation) -> Any:
    kind = getattr(gx.expectations, expectation.name)
    return kind(column=expectation.column, **expectation.values)


def _broken(outcome: Any) -> Broken:
    config = outcome.expectation_config
    examples = outcome.result.get("partial_unexpected_list", [])[:EXAMPLES]
    return Broken(
        f"{config.kwargs.get('column')}: {config.type}",
        int(outcome.result.get("unexpected_count", 0)),
        tuple(map(str, examples)),
    )
