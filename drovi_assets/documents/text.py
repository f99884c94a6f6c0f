"""Text made safe to store and to compare: every format passes its strings through here, once.

Offsets are counted after this step, so nothing later may change a document's text.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_LIGATURES = {
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
}
_FORBIDDEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]")
_NEEDS_CARE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u2028\u2029\ud800-\udfff\ufb00-\ufb06\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)
_SPACES = re.compile(r"[^\S\n]{2,}|[^\S\n ]")  # single spaces need no replacing: most of a text
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def clean(text: str) -> str:
    """Canonical composition, line feeds as line ends, ligatures spelt out, nothing Postgres or JSON would refuse.

    NUL and the other control characters go; a lone surrogate, which UTF-8 cannot carry, becomes U+FFFD.
    """
    if _NEEDS_CARE.search(text):
        text = _BREAKS.sub("\n", text)
        text = _FORBIDDEN.sub(lambda m: "\ufffd" if "\ud800" <= m[0] <= "\udfff" else "", text)
        for ligature, letters in _LIGATURES.items():
            text = text.replace(ligature, letters)
        text = text.replace("\xad", "")
    return (
        text
        if text.isascii() or unicodedata.is_normalized("NFC", text)
        else unicodedata.normalize("NFC", text)
    )


def collapse(text: str) -> str:
    """One line: every run of white space becomes one space, none at the ends."""
    return " ".join(text.split())


def tidy(text: str) -> str:
    """Lines kept, runs of spaces inside them collapsed, empty lines at the ends dropped."""
    return "\n".join(_SPACES.sub(" ", line).strip() for line in text.split("\n")).strip("\n")


_WORD = re.compile(r"[^\W\d_]+")
_FUNCTION_WORDS: dict[str, str] = {
    "en": "the of and to in is that for it with as on be by this are from at or an was have not will",
    "fr": "le la les de des du et à en est que pour une un dans par sur au aux ce qui ne pas vous nous avec",
}


_KNOWN = {code: frozenset(words.split()) for code, words in _FUNCTION_WORDS.items()}


def language(text: str) -> str:
    """``"en"``, ``"fr"`` or ``""``: by the share of the commonest function words in the first 20,000 characters.

    A language must lead the other clearly and reach a tenth of the words; short texts stay undecided.
    """
    words = [word.lower() for word in _WORD.findall(text[:20_000])]
    if len(words) < 8:
        return ""
    shares = sorted(
        ((sum(map(known.__contains__, words)) / len(words), code) for code, known in _KNOWN.items()),
        reverse=True,
    )
    (best, code), (second, _) = shares[0], shares[1]
    return code if best >= 0.1 and best > 1.5 * second else ""


@lru_cache(maxsize=4096)
def is_shouted(text: str) -> bool:
    """Capitals only, with at least four letters: how typewritten texts mark a heading."""
    letters = [char for char in text if char.isalpha()]
    return len(letters) >= 4 and all(char.isupper() for char in letters)
