"""What a language needs to set a mail properly: its typography, and how it writes dates, durations and roles.

Templates are typed plainly, with ordinary spaces and straight apostrophes; :class:`Typography` sets their
literal text when they are compiled. What is filled in (a name, a link) passes unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

Locale = Literal["en", "fr"]

NO_BREAK: Final = "\u00a0"  # not the narrow one (U+202F): some desktop mail programs show a box in its place
_BEFORE_HIGH_SIGNS: Final = re.compile(r" (?=[:;?!»])")
_AFTER_OPENING: Final = re.compile(r"(?<=«) ")


@dataclass(frozen=True, slots=True)
class Words:
    """The few words of the layout itself, and the lists that dates and roles are written from."""

    lang: str
    colon: str
    footer: str
    fallback: str
    months: tuple[str, ...]
    roles: Mapping[str, str]
    units: tuple[tuple[timedelta, str, str], ...]
    """From the longest: the unit, its singular, its plural."""
    moment: Callable[[datetime, str], str]
    """A moment and the name of its month, as text."""


_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def _english_moment(at: datetime, month: str) -> str:
    return f"{at.day}{NO_BREAK}{month}{NO_BREAK}{at.year} at {at:%H:%M} ({at.tzname()})"


def _french_moment(at: datetime, month: str) -> str:
    day = "1er" if at.day == 1 else str(at.day)
    time = f"{at.hour}{NO_BREAK}h{NO_BREAK}{at.minute:02}"
    return f"{day}{NO_BREAK}{month}{NO_BREAK}{at.year} à {time} ({at.tzname()})"


WORDS: Final[Mapping[Locale, Words]] = MappingProxyType(
    {
        "en": Words(
            lang="en",
            colon=":",
            footer="This message was sent automatically; replies to it are not read. "
            "Drovi never asks for your password by e-mail.",
            fallback="If the button does not open, copy this address into your browser:",
            months=(
                *("January", "February", "March", "April", "May", "June"),
                *("July", "August", "September", "October", "November", "December"),
            ),
            roles={"OWNER": "owner", "ADMIN": "administrator", "MEMBER": "member", "VIEWER": "viewer"},
            units=((_DAY, "day", "days"), (_HOUR, "hour", "hours"), (_MINUTE, "minute", "minutes")),
            moment=_english_moment,
        ),
        "fr": Words(
            lang="fr",
            colon=f"{NO_BREAK}:",
            footer=f"Ce message a été envoyé automatiquement{NO_BREAK}; les réponses ne sont pas lues. "
            "Drovi ne demande jamais votre mot de passe par courriel.",
            fallback=f"Si le bouton ne s’ouvre pas, copiez cette adresse dans votre navigateur{NO_BREAK}:",
            months=(
                *("janvier", "février", "mars", "avril", "mai", "juin"),
                *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
            ),
            roles={
                "OWNER": "propriétaire",
                "ADMIN": "administrateur",
                "MEMBER": "membre",
                "VIEWER": "lecteur",
            },
            units=((_DAY, "jour", "jours"), (_HOUR, "heure", "heures"), (_MINUTE, "minute", "minutes")),
            moment=_french_moment,
        ),
    }
)


def duration(words: Words, length: timedelta) -> str:
    """In the longest unit that says it without a fraction: "24 hours" for one day, "7 days", "90 minutes"."""
    for unit, one, many in words.units:
        count, rest = divmod(length, unit)
        # A single day reads as a deadline at midnight; its hours do not.
        if count >= (2 if unit == _DAY else 1) and (not rest or unit == _MINUTE):
            return f"{count}{NO_BREAK}{one if count == 1 else many}"
    raise ValueError("a link that lives less than a minute")


def moment(words: Words, at: datetime) -> str:
    """Date and time to the minute, with the name of the time zone that ``at`` is in."""
    if at.tzinfo is None:
        raise ValueError("a moment without its time zone")
    return words.moment(at, words.months[at.month - 1])


class Typography(Extension):
    """Sets the literal text of a locale's templates, file by file; the layouts, with their styles, are left alone."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """See Jinja's ``Extension``."""
        locale = (stream.name or "").partition("/")[0]
        for token in stream:
            if locale in WORDS and token.type in {"data", "string"}:
                yield Token(token.lineno, token.type, _typeset(token.value, locale))
            else:
                yield token


def _typeset(text: str, locale: str) -> str:
    text = text.replace("'", "’")
    if locale == "fr":
        text = _AFTER_OPENING.sub(NO_BREAK, _BEFORE_HIGH_SIGNS.sub(NO_BREAK, text))
    return text
