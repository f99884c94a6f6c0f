"""``drovi keys list``, ``keys rotate`` and ``keys retire``: the master keys that stored secrets are sealed under."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from drovi.cli.output import EXIT_FAILED, AsJson, explained, print_json, print_table, screen
from drovi.environment import Environment, open_environment
from resources import rotation
from resources.audit import SYSTEM


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="The master keys that stored secrets are sealed under.", no_args_is_help=True)
    group.command("list")(list_keys)
    group.command("rotate")(rotate)
    group.command("retire")(retire)
    app.add_typer(group, name="keys")


def list_keys(as_json: AsJson = False) -> None:
    """List the master keys, which is current, and how many stored secrets each seals. No key is shown."""
    with explained(), open_environment() as environment:
        known = {key.id: key for key in environment.settings.master_keys.all()}
        used = rotation.usage(_databases(environment))
        rows = [
            {
                "id": key_id,
                "origin": known[key_id].origin.value if key_id in known else "missing",
                "current": key_id in known and known[key_id].current,
                "secrets": used[key_id],
            }
            for key_id in [*known, *sorted(used.keys() - known.keys())]
        ]
        if as_json:
            print_json({"keys": rows})
        else:
            print_table("Master keys", rows, ("id", "origin", "current", "secrets"))


def rotate(
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Make no new key: go on under the current one, wherever it comes from."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a new master key and wrap every stored secret's data key under it; exit code 1 where one does not open."""
    with explained(), open_environment() as environment:
        done = rotation.rotate(
            _databases(environment), environment.settings.master_keys, SYSTEM, resume=resume
        )
        if as_json:
            print_json(asdict(done))
        else:
            screen.print(f"{done.rewrapped} secrets are now sealed under {done.key_id}.")
            unopened = [asdict(one) for one in done.unopened]
            print_table("Not opened", unopened, ("table", "org_id", "subject_id", "reason"))
        if done.unopened:
            raise typer.Exit(EXIT_FAILED)


def retire(key_id: Annotated[str, typer.Argument(help="See `drovi keys list`.")]) -> None:
    """Forget a master key for good; refused while a stored secret uses it."""
    with explained(), open_environment() as environment:
        rotation.retire(_databases(environment), environment.settings.master_keys, key_id, SYSTEM)
        screen.print(f"{key_id} is forgotten.")


def _databases(environment: Environment) -> rotation.Databases:
    return rotation.Databases(environment.runtime.database, environment.identity)
