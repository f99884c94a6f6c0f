"""Reading PDFs: our parser (words, boxes, paragraphs, headings, sections) beside two peers on the same pages.

``pypdfium2_raw`` is the floor: pdfium's words with boxes in a bare loop, no layout. ``unstructured_fast``
is the usual ceiling of comfort: unstructured's ``fast`` strategy, which needs pdfminer.six.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.abc
import importlib.machinery
import io
import os
import re
import sys
import time
import types
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

_ROOT = Path(__file__).resolve().parent.parent
_PEER_PAGES = 30
"""unstructured reads nine pages a second: a part of the set is enough for its rate."""

Reader = Callable[[bytes], object]
Files = list[tuple[bytes, int]]
"""Contents and page counts."""


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """Rows for ``python -m benchmarks parse_pdf``; ``n`` bounds the pages."""
    from drovi_assets.documents.parse import parse

    files = _readable(_pdfs(), n or 200)

    def ours(content: bytes) -> object:
        return parse(content, "a.pdf")

    yield _row("pypdfium2_raw", ours, _raw_words, files, rounds=3)
    partition = _unstructured_fast()
    if partition is not None:
        yield _row("unstructured_fast", ours, partition, _first(files, _PEER_PAGES), rounds=1)


def _row(peer: str, ours: Reader, theirs: Reader, files: Files, *, rounds: int) -> dict[str, Any]:
    """Rounds of both in turn, so that a noisy machine is noisy for both; the best of each counts."""
    pages = sum(count for _, count in files)
    fastest_ours = fastest_theirs = float("inf")
    for _ in range(rounds):
        fastest_theirs = min(fastest_theirs, _cpu_seconds(theirs, files))
        fastest_ours = min(fastest_ours, _cpu_seconds(ours, files))
    rate_ours, rate_theirs = pages / fastest_ours, pages / fastest_theirs
    return {
        "name": f"parse_pdf/{peer}",
        "ours": round(rate_ours, 1),
        "peer": round(rate_theirs, 1),
        "ratio": round(rate_ours / rate_theirs, 3),
        "unit": "pages/cpu_s",
        "n": pages,
    }


def _cpu_seconds(read: Reader, files: Files) -> float:
    gc.collect()
    start = time.process_time()
    for content, _ in files:
        read(content)
    return time.process_time() - start


def _pdfs() -> list[Path]:
    """Real PDFs where the outside data is present, else the shipped sample's."""
    outside = sorted((_ROOT.parent / "shared" / "data" / "docs").glob("**/*.pdf"))
    return outside or sorted((_ROOT / "samples").glob("**/*.pdf"))


def _readable(paths: list[Path], most: int) -> Files:
    """Contents and page counts of the PDFs that have text, up to ``most`` pages."""
    from drovi_assets.documents.parse import parse
    from resources.errors import DroviError

    found: Files = []
    pages = 0
    for path in paths:
        content = path.read_bytes()
        try:
            document = parse(content, path.name)
        except DroviError:
            continue
        if document.blocks and pages < most and not document.warnings:
            found.append((content, len(document.pages)))
            pages += len(document.pages)
    return found


def _first(files: Files, pages: int) -> Files:
    taken: Files = []
    for file in files:
        if sum(count for _, count in taken) + file[1] <= pages:
            taken.append(file)
    return taken or files[:1]


_WORD = re.compile(r"\S+")


def _raw_words(content: bytes) -> int:
    """The fastest loop we know over pdfium's words and their boxes; it returns how many there are."""
    import pypdfium2
    import pypdfium2.raw as pdfium_c

    count = 0
    first, last = pdfium_c.FS_RECTF(), pdfium_c.FS_RECTF()
    to_first, to_last = ctypes.byref(first), ctypes.byref(last)
    document = pypdfium2.PdfDocument(content)
    for page in document:
        text_page = page.get_textpage()
        raw, text = text_page.raw, text_page.get_text_range()
        words = []
        for match in _WORD.finditer(text):
            start, end = match.span()
            pdfium_c.FPDFText_GetLooseCharBox(raw, start, to_first)
            pdfium_c.FPDFText_GetLooseCharBox(raw, end - 1, to_last)
            box = (
                min(first.left, last.left),
                min(first.bottom, last.bottom),
                max(first.right, last.right),
                max(first.top, last.top),
            )
            words.append((match[0], box))
        count += len(words)
        text_page.close()
        page.close()
    document.close()
    return count


# --- unstructured's fast strategy, without the models that its other strategies need --------------


def _unstructured_fast() -> Reader | None:
    """``partition_pdf`` with ``strategy="fast"``; None where unstructured or pdfminer.six is not installed.

    The module imports unstructured_inference (torch, OCR) and image libraries at its top, which this strategy
    never calls: empty modules stand in for them.
    """
    if find_spec("unstructured") is None or find_spec("pdfminer") is None:
        return None
    os.environ.update(DO_NOT_TRACK="1", SCARF_NO_ANALYTICS="1", UNSTRUCTURED_DISABLE_NOTICE="1")
    sys.meta_path.append(_Absent())
    from unstructured.nlp import tokenize

    tokenize._load_spacy_model = _blank_pipeline  # noqa: SLF001 -- it would fetch a model from the network
    from unstructured.partition.pdf import partition_pdf

    return lambda content: partition_pdf(file=io.BytesIO(content), strategy="fast", languages=[""])


class _Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the packages that are missing, as modules that hold whatever is asked of them."""

    _PACKAGES = ("unstructured_inference", "pi_heif", "cv2", "pdf2image")

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] in self._PACKAGES:
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        def missing(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            is_class = name[0].isupper() and not name.isupper()  # classes are subclassed and annotated with
            return type(name, (), {}) if is_class else MagicMock(name=name)

        vars(module)["__getattr__"] = missing


def _blank_pipeline() -> Any:
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    return pipeline
