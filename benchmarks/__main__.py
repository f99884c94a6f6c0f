"""The benchmarks' command line: run one or all, print a line per peer."""

from __future__ import annotations

import importlib
import json
from typing import Annotated

import typer

NAMES = (
    "parse_pdf",
    "embed",
    "land",
    "event_log",
    "backfill_postgres",
    "freshness",
    "search",
    "api",
    "rls",
    "members",
    "intake",
    "idle",
    "orchestration",
    "jobs",
)


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Any of: {', '.join(NAMES)}. None: all of them.")
    ] = None,
    n: Annotated[
        int | None, typer.Option(help="Size of the work; each benchmark has its own default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Measure our speed beside the peers' on the same work."""
    for name in names or NAMES:
        if name not in NAMES:
            raise typer.BadParameter(f"there is no benchmark {name!r}; choose from {', '.join(NAMES)}")
        for row in importlib.import_module(f"benchmarks.{name}").run(n):
            if as_json:
                typer.echo(json.dumps(row))
            else:
                typer.echo(
                    f"{row['name']}: {row['ours']:.4g} to {row['peer']:.4g} {row['unit']}, ratio {row['ratio']:.2f}"
                )


if __name__ == "__main__":
    typer.run(main)
