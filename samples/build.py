"""Renders the shipped sample bundle `two_matters/` from the texts in `sources/`.

A source file holds several items, each opened by a line `@@@ path/in/the/bundle.ext`, then `key: value` headers,
then `---`, then the text. The extension chooses the writer. Mails, letters and contracts share one small markup
(see `blocks`); .md, .txt, .html, .csv and .sql are copied as they are.

The same sources always give the same bytes: dates come from the sources, zip members carry a fixed time, and
nothing is compressed, so that another version of zlib changes nothing. What is built is committed; run
`python samples/build.py` after editing a source, `python samples/build.py --check` to compare without writing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mail import mbox_entry, render_mail
from markup import Item, read_items
from office import render_docx, render_xlsx
from pdf import render_pdf

if TYPE_CHECKING:
    from collections.abc import Iterable

BUNDLE = Path(__file__).resolve().parent / "two_matters"
ATTACHMENTS = "_attachments/"
"""Items under this prefix exist only inside the mails that carry them."""


def build(items: Iterable[Item]) -> dict[str, bytes]:
    """Every file of the bundle by its path. Documents come first, since mails attach them."""
    items = list(items)
    mails = [item for item in items if item.suffix in {".eml", ".mbox"}]
    by_id = {item.headers["id"]: item for item in mails}
    writers = {".pdf": render_pdf, ".docx": render_docx, ".xlsx": render_xlsx}
    built: dict[str, bytes] = {}
    for item in items:
        if item not in mails:
            writer = writers.get(item.suffix)
            built[item.path] = writer(item) if writer else item.body.encode("utf-8")
    for item in mails:
        path = item.path.partition("#")[0]
        message = render_mail(item, by_id, built)
        if item.suffix == ".mbox":
            built[path] = built.get(path, b"") + mbox_entry(item, message)
        else:
            built[path] = message
    return {path: data for path, data in built.items() if not path.startswith(ATTACHMENTS)}


def main() -> int:
    """Writes the bundle, or with `--check` tells which files differ from their sources."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when a file differs")
    arguments = parser.parse_args()
    built = build(read_items())
    on_disk = {p.relative_to(BUNDLE).as_posix(): p for p in BUNDLE.rglob("*") if p.is_file()}
    stale = [
        path for path, data in built.items() if path not in on_disk or on_disk[path].read_bytes() != data
    ]
    strays = sorted(on_disk.keys() - built.keys())
    if not arguments.check:
        for path in stale:
            (BUNDLE / path).parent.mkdir(parents=True, exist_ok=True)
            (BUNDLE / path).write_bytes(built[path])
        for path in strays:
            on_disk[path].unlink()
    size = sum(map(len, built.values()))
    print(f"{len(built)} files, {size / 1024:.0f} KiB; differing: {stale}; strays: {strays}")
    return 1 if arguments.check and (stale or strays) else 0


if __name__ == "__main__":
    sys.exit(main())
