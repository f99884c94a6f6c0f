"""Date expressions in French and English: where they stand, and the day they mean for a text written on a given day.

Our own grammar, because general parsers invent dates in running text and do not know "sous huitaine", "end of Q3"
or "within ten working days". A period means its last day, since in a deadline that is what it binds to. Numeric
dates are read day first unless that is impossible. Public holidays are not known: working days are Monday to Friday.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan janvier janv",
            "february feb février fevrier févr fevr fév",
            "march mar mars",
            "april apr avril avr",
            "may mai",
            "june jun juin",
            "july jul juillet juil",
            "august aug août aout",
            "september sept sep septembre",
            "october oct octobre",
            "november nov novembre",
            "december dec décembre decembre déc",
        ),
        start=1,
    )
    for name in names.split()
}
_WEEKDAYS: Final = {
    name: number
    for number, names in enumerate(
        (
            "monday mon lundi",
            "tuesday tue tues mardi",
            "wednesday wed mercredi",
            "thursday thu thurs jeudi",
            "friday fri vendredi",
            "saturday sat samedi",
            "sunday sun dimanche",
        )
    )
    for name in names.split()
}
_NUMBERS: Final = {
    word: number
    for number, words in {
        1: "one a an un une",
        2: "two deux",
        3: "three trois",
        4: "four quatre",
        5: "five cinq",
        6: "six",
        7: "seven sept",
        8: "eight huit",
        9: "nine neuf",
        10: "ten dix",
        12: "twelve douze",
        14: "fourteen quatorze",
        15: "fifteen quinze",
        20: "twenty vingt",
        21: "twenty-one",
        24: "twenty-four vingt-quatre",
        30: "thirty trente",
        45: "forty-five quarante-cinq",
        48: "forty-eight quarante-huit",
        60: "sixty soixante",
        72: "seventy-two soixante-douze",
        90: "ninety quatre-vingt-dix",
        120: "cent-vingt",
        180: "cent-quatre-vingts",
    }.items()
    for word in words.split()
}
_ORDINALS: Final = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "premier": 1,
    "deuxième": 2,
    "troisième": 3,
    "quatrième": 4,
}


@dataclass(frozen=True, slots=True)
class DateMention:
    """A date expression: ``text`` is ``source[start:end]``.

    ``value`` is None where the words alone do not tell ("30 days after completion", or a relative date in a
    text without a day). ``deadline`` says that the words set a limit ("by", "au plus tard", "within").
    """

    start: int
    end: int
    text: str
    value: date | None
    deadline: bool = False


def _names(table: dict[str, int], extra: str = "") -> str:
    return "|".join(sorted((re.escape(n) for n in table), key=len, reverse=True)) + extra


_MONTH = rf"(?:{_names(_MONTHS)})(?!\w)(?:(?<![a-zé]{{5}})\.(?=\s+\d))?"
# "may", "mar", "sat", "sun", "mon" alone are other words; short day names count only before a comma or a figure.
_LONG_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche"
_DAY_NAME = rf"(?:(?:{_LONG_DAY}|mon|tue|wed|thu|fri|sat|sun)\.?,?\s+(?:the\s+|le\s+)?)"
_YEAR = r"(?:19|20)\d{2}"
_COUNT = rf"(?:\d{{1,3}}|{_names(_NUMBERS)})"
_UNIT = (
    r"(?:(?:working|business|calendar|clear)\s+)?(?:days?|weeks?|months?|years?|hours?)|"
    r"(?:jours?|semaines?|mois|ans?|années?|heures?|h)(?:\s+(?:ouvr[ée]s?|ouvrables?|calendaires?|francs?))?"
)
_LEAD = (
    r"(?:no\s+later\s+than|not\s+later\s+than|at\s+the\s+latest\s+(?:by|on)|on\s+or\s+before|prior\s+to|before|until|"
    r"by(?:\s+(?:the\s+)?(?:close\s+of\s+business|cob|eob|end\s+of\s+(?:the\s+)?(?:business\s+)?day|noon|midday|\d{1,2}(?::\d{2})?\s*(?:am|pm)))?(?:\s+(?:on|of))?|"
    r"au\s+plus\s+tard(?:\s+(?:le|pour|à|au|d['’]ici(?:\s+(?:le|la|à))?))?|d['’]ici(?:\s+(?:au|à|le|la|l['’]))?|avant(?:\s+(?:le|la|l['’]))?|jusqu['’](?:au|à)|pour\s+le|à\s+(?:compter|partir)\s+d(?:e|u)|dès|starting(?:\s+(?:on|from))?|from)"
)
_NO_LIMIT = ("in", "dans", "from", "starting", "à compter", "à partir", "dès")
_TAIL = re.compile(
    r"(?:\s+(?:matin|midi|soir|après-midi|morning|noon|evening|afternoon|night|at\s+noon|à\s+midi|à\s+\d{1,2}\s?h(?:\s?\d{2})?|at\s+\d{1,2}(?:[:.]\d{2})?\s?(?:am|pm)?))?"
    r"(?P<latest>,?\s+(?:au\s+plus\s+tard|dernier\s+délai|at\s+the\s+(?:very\s+)?latest))?(?!\w)",
    re.IGNORECASE,
)
_ANCHOR = (
    r"(?:\s+(?:of|from|after|following|prior\s+to|before)\b(?!\s+(?:today|now|this\s+(?:letter|e-?mail|message)))|"
    r"\s+(?:à\s+compter|à\s+partir|suivant|après|avant|de\s+(?:la|l['’])|du|dès)\b)"
)


def _word_pattern(body: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w/])(?:(?P<lead>{_LEAD})\s*)?(?P<body>{body})(?![\w])", re.IGNORECASE)


Resolver = Callable[[re.Match[str], "date | None"], "date | None"]


def _safe(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _year(found: str) -> int:
    value = int(found)
    return value + 2000 if value < 70 else value + 1900 if value < 100 else value


def _number(found: str) -> int:
    return int(found) if found.isdigit() else _NUMBERS[found.lower()]


def _last_of_month(year: int, month: int) -> date:
    return (date(year + month // 12, month % 12 + 1, 1)) - timedelta(days=1)


def _without_year(build: Callable[[int], date | None], today: date | None) -> date | None:
    """The coming occurrence, or the one just past where the coming one is more than ten months away."""
    if today is None:
        return None
    coming = next((d for y in (today.year, today.year + 1) if (d := build(y)) and d >= today), None)
    if coming and (coming - today).days > 300:
        return build(coming.year - 1) or coming
    return coming


def _iso(m: re.Match[str], _: date | None) -> date | None:
    return _safe(int(m["y"]), int(m["mo"]), int(m["d"]))


def _numeric(m: re.Match[str], _: date | None) -> date | None:
    first, second, year = int(m["d"]), int(m["mo"]), _year(m["y"])
    return _safe(year, second, first) or _safe(year, first, second)


def _day_month(m: re.Match[str], today: date | None) -> date | None:
    month = _MONTHS[m["month"].lower().rstrip(".")]
    day = int(re.sub(r"\D", "", m["d"]))
    if m["y"]:
        return _safe(int(m["y"]), month, day)
    return _without_year(lambda y: _safe(y, month, day), today)


def _month(m: re.Match[str], today: date | None) -> date | None:
    month = _MONTHS[m["month"].lower().rstrip(".")]
    part = (m["part"] or "").lower()
    middle = part.startswith("mi")
    if part and not middle and part.split()[0] in {"early", "beginning", "start", "début"}:
        return None

    def build(year: int) -> date | None:
        return _safe(year, month, 15) if middle else _last_of_month(year, month)

    return build(int(m["y"])) if m["y"] else _without_year(build, today)


def _quarter(m: re.Match[str], today: date | None) -> date | None:
    ordinal = (m["q"] or m["nth"]).lower()
    number = _ORDINALS.get(ordinal) or int(re.sub(r"\D", "", ordinal))
    if m["y"]:
        return _last_of_month(int(m["y"]), number * 3)
    return _without_year(lambda y: _last_of_month(y, number * 3), today)


def _weekday(m: re.Match[str], today: date | None) -> date | None:
    if today is None:
        return None
    target = _WEEKDAYS[m["day"].lower()]
    before, after = (m["before"] or "").lower(), (m["after"] or "").lower()
    ahead = (target - today.weekday()) % 7
    if before == "last" or after in {"dernier", "last"}:
        return today - timedelta(days=(today.weekday() - target) % 7 or 7)
    if before == "next":
        # "next Friday" is Friday of the week after this one; "vendredi prochain" is the coming Friday.
        return today - timedelta(days=today.weekday()) + timedelta(days=7 + target)
    if after == "en huit":
        return today + timedelta(days=(ahead or 7) + 7)
    return today + timedelta(days=ahead if before in {"this", "ce"} else ahead or 7)


def _near(m: re.Match[str], today: date | None) -> date | None:
    if today is None:
        return None
    words = re.sub(r"\s+", " ", m["body"].lower().replace("’", "'"))
    if "after tomorrow" in words or words.startswith("après"):
        return today + timedelta(days=2)
    if words.startswith(("tomorrow", "demain")):
        return today + timedelta(days=1)
    if words.startswith(("yesterday", "hier")):
        return today - timedelta(days=1)
    return today


def _add_working_days(day: date, count: int) -> date:
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def _add_months(day: date, count: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return _safe(year, month + 1, day.day) or _last_of_month(year, month + 1)


def _duration(m: re.Match[str], today: date | None) -> date | None:
    if today is None or m["anchor"]:
        return None
    if m["fixed"]:
        return today + timedelta(days={"huitaine": 8, "quinzaine": 15, "fortnight": 14}[m["fixed"].lower()])
    count, unit = _number(m["figure"] or m["count"]), m["unit"].lower()
    if re.search(r"working|business|ouvr", unit):
        return _add_working_days(today, count)
    if unit.startswith(("hour", "h")):
        return today + timedelta(days=max(1, round(count / 24)))
    if unit.startswith(("week", "semaine")):
        return today + timedelta(weeks=count)
    if unit.startswith(("month", "mois")):
        return _add_months(today, count)
    if unit.startswith(("year", "an")):
        return _add_months(today, 12 * count)
    return today + timedelta(days=count)


def _period(m: re.Match[str], today: date | None) -> date | None:
    if today is None:
        return None
    words = re.sub(r"\s+", " ", m["body"].lower())
    later = bool(re.search(r"\bnext\b|prochaine?\b", words))
    if re.search(r"week|semaine|eow", words):
        return today - timedelta(days=today.weekday()) + timedelta(days=4 + 7 * later)
    if re.search(r"month|mois|eom", words):
        return _last_of_month(*_month_ahead(today, int(later)))
    if re.search(r"quarter|trimestre", words):
        ahead = _add_months(today, 3 * later)
        return _last_of_month(ahead.year, (ahead.month + 2) // 3 * 3)
    if re.search(r"year|ann[ée]e|\ban\b", words):
        return date(today.year + later, 12, 31)
    return today


def _month_ahead(day: date, ahead: int) -> tuple[int, int]:
    """Year and month ``ahead`` months after that of ``day``."""
    moved = _add_months(day.replace(day=1), ahead)
    return moved.year, moved.month


_END = r"(?:(?:the\s+)?end\s+of(?:\s+the)?|(?:la\s+)?fin\s+du\s+mois\s+d(?:e\s+|['’])(?=\w)|(?:la\s+)?fin(?:\s+(?:de\s+(?:la|l['’])|du|de|d['’]))?)"
_GRAMMAR: Final[tuple[tuple[re.Pattern[str], Resolver], ...]] = (
    (_word_pattern(rf"(?P<y>{_YEAR})-(?P<mo>\d{{2}})-(?P<d>\d{{2}})"), _iso),
    (
        _word_pattern(
            rf"{_DAY_NAME}?(?:le\s+)?(?P<d>\d{{1,2}})(?P<sep>[/.-])(?P<mo>\d{{1,2}})(?P=sep)(?P<y>{_YEAR}|\d{{2}})(?![./-]?\d)"
        ),
        _numeric,
    ),
    (
        _word_pattern(
            rf"(?:le\s+|on\s+|the\s+)?{_DAY_NAME}?(?P<d>\d{{1,2}}(?:st|nd|rd|th|er|ᵉʳ)?)(?:\s+day)?\s+(?:of\s+)?(?P<month>{_MONTH})(?:,?\s+(?P<y>{_YEAR}))?"
        ),
        _day_month,
    ),
    (
        _word_pattern(
            rf"(?:on\s+)?{_DAY_NAME}?(?P<month>{_MONTH})\s+(?:the\s+)?(?P<d>\d{{1,2}}(?:st|nd|rd|th)?)(?!\d)(?:(?:,\s*|\s+)(?P<y>{_YEAR}))?"
        ),
        _day_month,
    ),
    (
        _word_pattern(
            rf"(?P<part>{_END}|mid|mi|early|late|courant|in\s+the\s+course\s+of|au\s+cours\s+de|during|dans\s+le\s+courant\s+(?:du\s+mois\s+)?de|en|in|(?:the\s+)?(?:beginning|start)\s+of|début)[\s-]*(?P<month>{_MONTH})(?:,?\s+(?P<y>{_YEAR}))?"
        ),
        _month,
    ),
    (_word_pattern(rf"(?P<part>(?!))?(?P<month>{_MONTH}),?\s+(?P<y>{_YEAR})"), _month),
    (
        _word_pattern(
            rf"(?:{_END}\s*)?(?:(?:le|the)\s+)?(?:[QT](?P<q>[1-4])|(?P<nth>[1-4](?:st|nd|rd|th|er|e|ème|eme)|{_names(_ORDINALS)})\s+(?:quarter|trimestre))(?:\s+(?:of\s+|de\s+)?(?:fy\s*)?(?P<y>{_YEAR}))?"
        ),
        _quarter,
    ),
    (
        _word_pattern(
            rf"(?:on\s+|le\s+)?(?:(?P<before>next|last|this|ce|coming)\s+)?(?P<day>{_LONG_DAY})(?:\s+(?P<after>prochain|dernier|en\s+huit))?(?!\s+\d)"
        ),
        _weekday,
    ),
    (
        _word_pattern(
            r"(?:the\s+)?day\s+after\s+tomorrow|tomorrow|demain|après-demain|today|tonight|aujourd['’]hui|ce\s+soir|ce\s+jour|cet\s+après-midi|ce\s+matin|this\s+(?:morning|afternoon|evening)|yesterday|hier|(?:the\s+)?(?:end\s+of\s+(?:the\s+)?(?:business\s+)?day|close\s+of\s+business|eod|cob)"
        ),
        _near,
    ),
    (
        re.compile(
            rf"(?<!\w)(?P<lead>(?:within|in|dans|sous|d['’]ici|under|au\s+plus\s+tard\s+(?:sous|dans))\s+)(?P<body>(?:(?:a\s+period\s+of|the\s+next|the|un\s+délai\s+(?:maximum\s+)?de|un\s+délai\s+d['’]|les|le\s+délai\s+de|max(?:imum)?)\s*)?"
            rf"(?:(?:a\s+)?(?P<fixed>huitaine|quinzaine|fortnight)|(?P<count>{_COUNT})\s*(?:\((?P<figure>\d{{1,3}})\)\s*)?(?P<unit>{_UNIT}))(?P<anchor>{_ANCHOR})?)(?!\w)",
            re.IGNORECASE,
        ),
        _duration,
    ),
    (
        re.compile(
            rf"(?<!\w)(?P<lead>(?!))?(?P<body>(?P<fixed>(?!))?(?P<count>{_COUNT})\s*(?:\((?P<figure>\d{{1,3}})\)\s*)?(?P<unit>{_UNIT})(?:['’])?(?P<anchor>\s+(?:after|following|prior\s+to|before|à\s+compter|avant|après|suivant)\b))",
            re.IGNORECASE,
        ),
        _duration,
    ),
    (
        _word_pattern(
            rf"{_END}\s*(?:next\s+|this\s+)?(?:week|month|quarter|year|semaine|mois|trimestre|ann[ée]e)|eow|eom|next\s+(?:week|month|quarter|year)|this\s+(?:week|month|quarter|year)|(?:la\s+semaine|le\s+mois|l['’]année|l['’]an|le\s+trimestre)\s+prochaine?|cette\s+(?:semaine|année)|ce\s+(?:mois(?:-ci)?|trimestre)"
        ),
        _period,
    ),
)
# Nothing in the grammar can match without one of these: most sentences are dismissed at the cost of one scan.
_CHEAP = re.compile(
    rf"\d|(?:{_LONG_DAY}|{_names(_MONTHS)})\b|\b(?:to|yester)day|tomorrow|tonight|demain|aujourd|ce\s+soir|ce\s+jour|cet\s+apr|ce\s+matin|this\s|hier\b|week|month|year|quarter|semaine|mois\b|trimestre|année|huitaine|quinzaine|fortnight|jours?\b|\bdays?\b|heures|hours|\beo[dwm]\b|\bcob\b|close of business|\ban\b",
    re.IGNORECASE,
)


def dates(text: str, written_at: datetime | date | None) -> list[DateMention]:
    """The date expressions of ``text`` in order, longest first where they overlap.

    ``written_at`` anchors relative ones and supplies a missing year; without it their value is None.
    """
    if not _CHEAP.search(text):
        return []
    today = written_at.date() if isinstance(written_at, datetime) else written_at
    found: list[DateMention] = []
    for pattern, resolve in _GRAMMAR:
        for m in pattern.finditer(text):
            try:
                value = resolve(m, today)
            except (OverflowError, ValueError):  # a duration that leaves the calendar
                value = None
            lead = (m["lead"] or "").strip().lower()
            end = m.start("anchor") if m.groupdict().get("anchor") else m.end()
            tail = _TAIL.match(text, end)
            end = tail.end() if tail else end
            limit = (bool(lead) and not lead.startswith(_NO_LIMIT)) or bool(tail and tail["latest"])
            found.append(DateMention(m.start(), end, text[m.start() : end], value, limit))
    found.sort(key=lambda d: (d.start - d.end, d.start))
    kept: list[DateMention] = []
    for mention in found:
        if all(mention.end <= other.start or mention.start >= other.end for other in kept):
            kept.append(mention)
    return sorted(kept, key=lambda d: d.start)
