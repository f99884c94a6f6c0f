"""``drovi parse`` and ``drovi extract``: one file, no database."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from drovi.cli.output import AsJson, explained, print_json, print_table, screen
from drovi_assets.documents.model import ParsedDocument
from resources.errors import NotFound, PermissionMissing

File = Annotated[
    Path, typer.Argument(help="A PDF, DOCX, HTML, Markdown, text or mail file.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(parse)
    app.command()(extract)


def parse(file: File, as_json: AsJson = False) -> None:
    """Show what Drovi reads in a file: blocks in reading order, with pages and boxes in points."""
    with explained():
        document = parse_file(file)
        if as_json:
            print_json(parsed_as_json(document))
            return
        for block in document.blocks:
            place = f"[dim]p. {block.page}[/] " if block.page else ""
            screen.print(f"{place}[cyan]{block.kind}[/] ", end="")
            screen.print(block.text, markup=False, highlight=False)
        for warning in document.warnings:
            screen.print(f"[yellow]warning[/] {warning}")


def extract(file: File, as_json: AsJson = False) -> None:
    """Show the commitments, decisions, risks, claims and advice in a file, each with its quote."""
    with explained():
        objects = extract_file(file)
        if as_json:
            print_json({"objects": objects})
            return
        print_table(
            file.name,
            [
                {**one, "page": one["evidence"][0]["page"] or "", "quote": one["evidence"][0]["quote"]}
                for one in objects
            ],
            ("kind", "quote", "page"),
        )
        screen.print(f"{len(objects)} objects")


def parse_file(file: Path) -> ParsedDocument:
    """Parse a file in the sandbox, as ingestion would.

    Raises:
        NotFound: there is no such file.
        PermissionMissing: this user may not read it.
        Invalid: it cannot be read, with the reason.
    """
    from drovi_assets.documents.sandbox import Sandbox

    try:
        content = file.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFound(f"{file} is not a file.", remedy="Check the path.") from error
    except PermissionError as error:
        raise PermissionMissing(
            f"{file} may not be read.", remedy="Give this user the right to read it."
        ) from error
    with Sandbox(workers=1) as sandbox:
        return sandbox.parse(content, file.name)


def parsed_as_json(document: ParsedDocument) -> dict[str, Any]:
    """The stable shape of ``drovi parse --json``."""
    return {
        "pages": [
            {"number": page.number, "width": page.width, "height": page.height} for page in document.pages
        ],
        "blocks": [
            {
                "kind": block.kind,
                "text": block.text,
                "page": block.page,
                "boxes": [list(box) for box in block.boxes],
                "section": block.section,
            }
            for block in document.blocks
        ],
        "warnings": list(document.warnings),
    }


def extract_file(file: Path) -> list[dict[str, Any]]:
    """The objects of a file in the stable shape of ``drovi extract --json``."""
    from drovi_assets.documents.spans import locate
    from drovi_assets.intelligence.extract import extract as extract_objects
    from drovi_assets.intelligence.model import TextContext

    document = parse_file(file)
    date = document.metadata.get("date")
    context = TextContext(
        author=str(document.metadata.get("from") or ""),
        written_at=datetime.fromisoformat(str(date)) if date else None,
        title=document.title,
    )
    objects = []
    for found in extract_objects(document.text, context):
        evidence = []
        for quote in found.evidence:
            page, boxes = locate(document, quote.start, quote.end)
            evidence.append(
                {
                    "quote": quote.text,
                    "start": quote.start,
                    "end": quote.end,
                    "page": page,
                    "boxes": [list(box) for box in boxes],
                }
            )
        objects.append(
            {
                "kind": found.kind.value,
                "text": found.text,
                "slots": found.slots,
                "confidence": found.confidence,
                "evidence": evidence,
            }
        )
    return objects
