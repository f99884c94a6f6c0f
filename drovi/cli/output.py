"""How commands speak: data as JSON on request, tables and plain sentences otherwise, errors with what to do next."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from resources.errors import DroviError, NeedsPerson, Refused, Transient

AsJson = Annotated[bool, typer.Option("--json", help="Print data as JSON, for programs.")]

screen = Console()
notices = Console(stderr=True)

EXIT_FAILED = 1
EXIT_REFUSED = 2
EXIT_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
EXIT_DEFECT = 70  # EX_SOFTWARE


def print_json(data: Any) -> None:
    """One JSON document on standard output, as UTF-8."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n")


def print_table(title: str, rows: Sequence[Mapping[str, Any]], columns: Iterable[str]) -> None:
    """Rows as a table; nothing at all for none."""
    names = list(columns)
    if not rows:
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(row.get(name, "")) for name in names))
    screen.print(table)


@contextmanager
def explained() -> Iterator[None]:
    """Turn an error of ours into its sentence, its remedy and an exit code: 2 refused, 75 try again, 70 ours."""
    try:
        yield
    except DroviError as error:
        notices.print(f"[bold red]{type(error).__name__}[/]: {error.message}", highlight=False)
        if error.remedy:
            notices.print(f"  {error.remedy}", highlight=False)
        code = EXIT_DEFECT
        if isinstance(error, Refused | NeedsPerson):
            code = EXIT_REFUSED
        elif isinstance(error, Transient):
            code = EXIT_TRY_AGAIN
        raise typer.Exit(code) from error


def progress_bar() -> Progress:
    """A bar on standard error, so that piped data stays clean."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=notices,
        transient=True,
    )
