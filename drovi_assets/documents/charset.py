"""Bytes to text where nobody says, or somebody says wrongly, which character set they are in."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = [
    "cp1252",
    "mac_roman",
    "cp850",
    "iso8859_15",
    "cp1250",
    "cp1251",
    "shift_jis",
    "gb18030",
    "big5",
    "euc_kr",
]
_SAMPLE = 32_768
_WESTERN = frozenset("àâäçéèêëîïôöùûüÿœæÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŸŒÆáíóúñßåøãõÁÍÓÚÑÅØ«»°€£§’‘“”–—…•©®²³½¼´·\xa0")


@dataclass(frozen=True, slots=True)
class Decoded:
    """``exact`` is false where some bytes could not be understood and stand as U+FFFD."""

    text: str
    charset: str
    exact: bool


def decode(content: bytes, declared: str = "") -> Decoded:
    """Byte order mark, then UTF-8, then what was declared, then the likeliest of the usual legacy sets.

    UTF-8 comes before the declaration because text that is valid UTF-8 beyond ASCII is hardly ever
    anything else, while wrong declarations are common; ASCII is the same in both.
    """
    for mark, charset in _MARKS:
        if content.startswith(mark):
            return _exactly(content, charset) or Decoded(
                content.decode(charset, "replace"), charset, exact=False
            )
    shifting = declared.lower().startswith(("utf-7", "iso-2022", "utf-16", "utf-32", "hz"))
    for charset in (declared, "utf-8") if shifting else ("utf-8", declared):
        found = _exactly(content, charset)
        if found is not None:
            return found
    wide = _wide(content)
    found = (
        _exactly(content, wide)
        or _exactly(content, _likeliest(content[:_SAMPLE]))
        or _exactly(content, "cp1252")
    )
    return found or Decoded(
        content.decode("utf-8" if _mostly_utf8(content) else "cp1252", "replace"), "unknown", exact=False
    )


def _exactly(content: bytes, charset: str) -> Decoded | None:
    if not charset:
        return None
    try:
        return Decoded(content.decode(charset), charset, exact=True)
    except (UnicodeError, LookupError, ValueError):  # an unknown name, a codec that is no text encoding
        return None


def _wide(content: bytes) -> str:
    """UTF-16 without its mark shows in the zero half of Western letters."""
    half = len(content[:_SAMPLE]) // 2
    if half >= 2 and content[1:_SAMPLE:2].count(0) > 0.4 * half:
        return "utf-16-le"
    return "utf-16-be" if half >= 2 and content[0:_SAMPLE:2].count(0) > 0.4 * half else ""


def _likeliest(sample: bytes) -> str:
    """Windows' Western set where it gives the letters of Western languages; else the detector's choice.

    The detector confuses its neighbours (1250) on short texts; other sets do not give these letters by chance.
    """
    western = [char for char in sample.decode("cp1252", "replace") if char > "\x7f"]
    if sum(map(_WESTERN.__contains__, western)) >= 0.95 * len(western):
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_CANDIDATES).best()
    return best.encoding if best is not None else ""


def _mostly_utf8(content: bytes) -> bool:
    """A UTF-8 text with a few bad bytes in it: most of its non-ASCII bytes decode."""
    bad = content.decode("utf-8", "replace").count("\ufffd")
    return bad * 10 < sum(byte > 127 for byte in content[:_SAMPLE]) or bad <= 2
