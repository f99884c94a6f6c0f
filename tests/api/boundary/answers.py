"""Answers made comparable: what differs from one moment to the next is taken out, everything else must be equal."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from typing import Any

import httpx2 as httpx

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

VOLATILE = {
    "request_id": "a new one for each request",
    "latency_ms": "a clock",
    "milliseconds": "a clock",
    "last_used_at": "moves with the asking itself",
    "last_seen_at": "moves with the asking itself",
    "since": "a clock: a report goes back from now",
    "until": "a clock",
    "csrf_token": "of the session, which a side's own acts replace",
}
"""Fields that two equal answers differ in, and why."""

_HEADERS = {"x-request-id", "date", "content-length", "set-cookie"}
"""Of the moment; the length follows the body, which is compared itself."""

Normal = tuple[int, tuple[tuple[str, str], ...], str]


def normal(response: httpx.Response, *asked: str) -> Normal:
    """Status, headers and body; ``asked`` are values of the request itself, which an answer may repeat."""
    headers = sorted((name, value) for name, value in response.headers.items() if name not in _HEADERS)
    body = response.text
    if "json" in response.headers.get("content-type", ""):
        body = json.dumps(_still(response.json()), ensure_ascii=False)
    for value in asked:
        body = body.replace(value, "<asked>")
    return response.status_code, tuple(headers), body


def _still(value: Any) -> Any:
    """Order is kept: it is part of what an answer says."""
    if isinstance(value, dict):
        return {name: "<volatile>" if name in VOLATILE else _still(inner) for name, inner in value.items()}
    return [_still(one) for one in value] if isinstance(value, list) else value


def tainted(text: str, ids: Collection[str], words: Iterable[str], asked: Collection[str] = ()) -> list[str]:
    """What of another tenant's stands in an answer, beyond the values that were asked with."""
    lowered = text.lower()
    for value in asked:
        lowered = lowered.replace(value.lower(), "")
    found = [one for one in sorted(set(_UUID.findall(lowered))) if one in ids]
    return found + [word for word in words if word.lower() in lowered]


def difference(before: Normal, after: Normal) -> str:
    """Where two answers part, in a few words."""
    if before[:2] != after[:2]:
        return f"{before[0]} {dict(before[1])} became {after[0]} {dict(after[1])}"
    at = next((n for n, (a, b) in enumerate(zip(before[2], after[2], strict=False)) if a != b), None)
    at = min(len(before[2]), len(after[2])) if at is None else at
    begin = max(0, at - 60)
    return f"…{before[2][begin : at + 100]}… became …{after[2][begin : at + 100]}…"
