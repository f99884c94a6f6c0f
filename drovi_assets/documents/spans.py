"""From a place in a document's text to the place on its pages."""

from __future__ import annotations

from drovi_assets.documents.model import Box, ParsedDocument


def locate(document: ParsedDocument, start: int, end: int) -> tuple[int | None, tuple[Box, ...]]:
    """Page and boxes of ``document.text[start:end]``, one box a line.

    A span over several pages is placed on the first of them; the page is None, and there are no boxes,
    where the format has none or the span is empty or outside the text.
    """
    page: int | None = None
    found = False
    boxes: list[Box] = []
    for at, block in document.placed():
        if at >= end:
            break
        if start >= at + len(block.text) or start >= end:
            continue
        if found and block.page != page:
            break
        page, found = block.page, True
        boxes.extend(block.boxes_of(max(0, start - at), min(len(block.text), end - at)))
    return page, tuple(boxes)
