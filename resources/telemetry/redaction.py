"""Takes secrets and tenants' content out of a log line, by the name of a field and by the shape of a value.

The last processor before a line is written: what passes here is on somebody's screen. It errs on the side
of removing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

REDACTED: Final = "[redacted]"
_DEPTH: Final = 8
_NUMBERS: Final = (bool, int, float)

_SECRET_NAMES: Final = re.compile(
    r"passw|passphrase|secret|token|authori[sz]ation|api[_-]?key|private[_-]?key|access[_-]?key|credential|cookie|"
    r"signature|\bpwd\b|\bdsn\b",
    re.IGNORECASE,
)
# Fields that hold what a tenant wrote; their length is all that an operator needs.
_CONTENT_NAMES: Final = frozenset(
    {
        "answer",
        "body",
        "content",
        "html",
        "prompt",
        "question",
        "quote",
        "query",
        "snippet",
        "subject",
        "text",
        "title",
    }
)

# Ids, times, plain words and routes, most of what a line holds: no pattern below can match them, and asking each of a dozen
# patterns made the log line the dearest part of a request.
_HARMLESS: Final = re.compile(
    r"[0-9a-f-]{1,36}|[0-9TZ:.+-]{1,40}|[a-z.]{1,64}|[A-Z]{1,12}|(?:/(?:[a-z]{1,20}|v\d|\{[a-z_]{1,30}\}))+"
)

_PATTERNS: Final = (
    (
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        REDACTED,
    ),
    (re.compile(r"(?i)\b(bearer|basic|digest)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {REDACTED}"),
    # The user of an address stays: it says which role failed to connect.
    (re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*):[^\s@/]+@"), rf"\1:{REDACTED}@"),
    (re.compile(r"\bdrovi_[A-Za-z0-9_-]{24,}"), REDACTED),  # API keys; role names are shorter
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), REDACTED),  # JSON web tokens
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), REDACTED),
    (re.compile(r"\b(?:xox[abeprs]|xapp)-[A-Za-z0-9-]{10,}"), REDACTED),
    (re.compile(r"\b(?:sk|rk|pk)[-_][A-Za-z0-9_-]{16,}"), REDACTED),
    (
        re.compile(r"\bya29\.[A-Za-z0-9_-]{10,}|\bAIza[A-Za-z0-9_-]{30,}|\bgh[oprsu]_[A-Za-z0-9]{20,}"),
        REDACTED,
    ),
    # name=value and "name": "value", as in query strings (also escaped inside another), connection strings and
    # printed dictionaries
    (
        re.compile(
            r"""(?ix)((?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|pwd|signature)
            ["']?\s*(?:[=:]|%3D)\s*["']?)(?!\[redacted\])[^\s"'&,;)}\]]{3,}"""
        ),
        rf"\1{REDACTED}",
    ),
    # What a database quotes from a row when it refuses it.
    (re.compile(r"(?m)^(DETAIL:|CONTEXT:|LINE \d+:) .*$"), rf"\1 {REDACTED}"),
    (re.compile(r"\[parameters: .*?\](?=\s*(?:\n|\(Background|\Z))", re.DOTALL), f"[parameters: {REDACTED}]"),
)


def redact_text(text: str) -> str:
    """The text without what looks like a secret."""
    if _HARMLESS.fullmatch(text):
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any, name: str = "", depth: int = 0) -> Any:
    """A copy of a field's value fit to be logged; ``name`` is the field's."""
    if value is None or isinstance(value, _NUMBERS):
        return value  # counts and durations, also of tokens
    if _names_a_secret(name):
        return REDACTED
    if depth > _DEPTH:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {redact_text(str(key)): redact(inner, str(key), depth + 1) for key, inner in value.items()}
    if name.lower() in _CONTENT_NAMES:
        return f"[content, {len(value)} long]" if hasattr(value, "__len__") else "[content]"
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner, name, depth + 1) for inner in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    return redact_text(value if isinstance(value, str) else str(value))


@lru_cache(maxsize=1024)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def redact_event(logger: object, method: str, event: Any) -> Any:
    """The structlog processor."""
    del logger, method
    return {
        name: redact(value, name)
        if type(value) is not str or _is_guarded(name)
        else (_known_text if name in _FROM_CODE else redact_text)(value)
        for name, value in event.items()
    }


@lru_cache(maxsize=1024)
def _is_guarded(name: str) -> bool:
    """Whether a text is not to be written for the name of its field alone."""
    return _names_a_secret(name) or name.lower() in _CONTENT_NAMES


# What a line says is one of some dozens of sentences in the code, as is who says it and of which route; what varies stands
# in other fields.
_FROM_CODE: Final = frozenset({"event", "level", "logger", "service", "method", "route"})
_known_text = lru_cache(maxsize=1024)(redact_text)
