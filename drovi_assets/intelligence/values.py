"""Amounts, percentages and counted quantities in French and English figures, with their numeric value and unit."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple


class Value(NamedTuple):
    """A figure with its unit: an ISO currency, "%", or the counted noun in small letters."""

    start: int
    end: int
    number: Decimal
    unit: str
    text: str


_CURRENCY = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "$": "USD", "usd": "USD", "us$": "USD", "dollar": "USD", "dollars": "USD", "£": "GBP", "gbp": "GBP",
    "pounds": "GBP", "chf": "CHF", "cad": "CAD", "k€": "EUR", "m€": "EUR", "keur": "EUR", "meur": "EUR", "francs": "FRF", "md€": "EUR",
}  # fmt: skip
_SCALE = {
    "k": 1000, "thousand": 1000, "mille": 1000, "m": 10**6, "mn": 10**6, "million": 10**6, "millions": 10**6, "md": 10**9, "bn": 10**9, "billion": 10**9, "milliard": 10**9, "milliards": 10**9, "mds": 10**9,
}  # fmt: skip
_FIGURE = r"\d{1,3}(?:[ \u00a0\u202f.,']\d{3})+(?:[.,]\d{1,4})?|\d+(?:[.,]\d{1,4})?"
_COUNTED = (
    r"days?|weeks?|months?|years?|hours?|employees|shares?|units|pages|copies|square (?:metres|meters|feet)|sq\.? ?(?:m|ft)|m²|m2|km|kg|tonnes?|people|participants|invoices|members|votes|"
    r"jours?|semaines?|mois|ans|heures?|salariés?|actions|parts(?: sociales)?|exemplaires|mètres carrés|personnes|factures|membres|voix|lots|points|dossiers|titres"
)
_VALUE = re.compile(
    rf"(?<![\w.,/-])(?:(?P<pre>US\$|\$|€|£|EUR|USD|GBP|CHF|CAD)\s?)?(?P<figure>{_FIGURE})(?:\s?(?P<scale>k|M|m|mn|bn|Md|Mds|thousand|mille|millions?|billions?|milliards?)(?=\s|€|d'|$|[.,;)]|EUR|euros))?"
    rf"(?:\s?(?:d'|de )?(?P<post>k€|M€|Md€|€|\$|£|EUR|USD|GBP|CHF|CAD|keur|meur|euros?|dollars?|pounds|francs)(?!\w)|\s?(?P<percent>%|per ?cent\b|pour ?cent\b|percent\b)|\s(?P<counted>{_COUNTED})(?!\w))?",
    re.IGNORECASE,
)


def number(figure: str) -> Decimal | None:
    """``"12 500,50"``, ``"12,500.50"``, ``"1.250"``: the value; three figures after one mark are thousands."""
    compact = re.sub(r"[ \u00a0\u202f']", "", figure)
    marks = [c for c in compact if c in ".,"]
    if len(set(marks)) == 2:
        compact = compact.replace(marks[0], "").replace(marks[-1], ".")
    elif len(marks) > 1 or (
        marks and len(compact.rsplit(marks[0], 1)[1]) == 3 and not compact.startswith("0")
    ):
        compact = compact.replace(marks[0], "")
    else:
        compact = compact.replace(",", ".")
    try:
        return Decimal(compact)
    except InvalidOperation:
        return None


# Small numbers as they are written out, in both languages.
WORDS = {
    "one": 1, "un": 1, "une": 1, "two": 2, "deux": 2, "three": 3, "trois": 3, "four": 4, "quatre": 4, "five": 5, "cinq": 5, "six": 6, "seven": 7, "sept": 7, "eight": 8, "huit": 8,
    "nine": 9, "neuf": 9, "ten": 10, "dix": 10, "eleven": 11, "onze": 11, "twelve": 12, "douze": 12, "thirteen": 13, "treize": 13, "fourteen": 14, "quatorze": 14, "fifteen": 15,
    "quinze": 15, "sixteen": 16, "seize": 16, "twenty": 20, "vingt": 20, "thirty": 30, "trente": 30, "forty": 40, "quarante": 40, "fifty": 50, "cinquante": 50, "hundred": 100, "cent": 100,
}  # fmt: skip
_IN_WORDS = re.compile(
    rf"(?<!\w)(?P<figure>{'|'.join(w for w in WORDS if WORDS[w] > 1)})\s(?P<counted>{_COUNTED})(?!\w)",
    re.IGNORECASE,
)


def values(text: str) -> list[Value]:
    """The figures of ``text`` that carry a unit, in order. A bare figure is no value: nobody can check it."""
    found = []
    for m in _VALUE.finditer(text):
        currency = (m["pre"] or m["post"] or "").lower()
        unit = _CURRENCY.get(currency, "") or ("%" if m["percent"] else "") or (m["counted"] or "").lower()
        amount = number(m["figure"])
        if not unit or amount is None:
            continue
        scale = (m["scale"] or "").lower() or (
            currency[:-1]
            if currency in {"k€", "m€", "md€"}
            else currency[:1]
            if currency in {"keur", "meur"}
            else ""
        )
        found.append(Value(m.start(), m.end(), amount * _SCALE.get(scale, 1), unit, m.group()))
    found += [
        Value(m.start(), m.end(), Decimal(WORDS[m["figure"].lower()]), m["counted"].lower(), m.group())
        for m in _IN_WORDS.finditer(text)
    ]
    return sorted(found)


def plain(amount: Decimal) -> str:
    """Digits only, no exponent and no idle zeros: ``1820000``, ``31.4``."""
    written = format(amount, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written
