"""``drovi evaluate``: measure precision and recall against labelled cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drovi.cli.output import AsJson, explained, print_json, print_table


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(evaluate)


def evaluate(
    suite: Annotated[
        str, typer.Argument(help="documents, extraction, contradiction, evidence or retrieval.")
    ],
    dataset: Annotated[
        Path | None, typer.Option(help="A folder in the layout of golden_datasets/SUITE.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, test or held_out.")] = "test",
    as_json: AsJson = False,
) -> None:
    """Run a suite over its golden dataset, or over your own, and print precision and recall."""
    from drovi_assets.evaluation.suites import run

    with explained():
        report = run(suite, split=split, dataset=dataset)
        if as_json:
            print_json(report.model_dump(mode="json"))
            return
        rows = [{"measure": measure, "value": value} for measure, value in report.rows()]
        print_table(f"{suite} ({split})", rows, ("measure", "value"))
