"""The command tree of ``drovi``."""

from __future__ import annotations

import typer

from drovi.cli import admin, audit, dlq, events, files, keys, memory, operate, quality, sources, switches

app = typer.Typer(
    name="drovi",
    help="The memory of an organisation, with proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals may hold secrets
    rich_markup_mode="markdown",
)
for room in (memory, files, sources, quality, operate, switches, admin, audit, keys, events, dlq):
    room.register(app)


if __name__ == "__main__":
    app()
