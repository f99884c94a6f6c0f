"""The platform's mails in French and English: one template a mail and language, set as plain text and as HTML.

A template says four things, each in its block: ``subject``, ``why`` one gets it, ``body`` (what to do, how long a
link lives) and ``otherwise`` (what to do if one did not ask for it). The two parts of a mail are the same
template in two layouts, so they cannot say different things.
"""

from __future__ import annotations

import functools
import re
import textwrap
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, TemplateError, meta

from resources.errors import InvariantBroken
from resources.mailer.locales import WORDS, Locale, Typography, duration, moment
from resources.mailer.message import SUBJECT_LENGTH

TemplateName = Literal[
    "verify_email",
    "account_exists",
    "change_email",
    "email_change_requested",
    "reset_password",
    "password_changed",
    "invitation",
    "new_sign_in",
    "second_factor_changed",
    "source_shared",
    "export_ready",
    "report",
    "webhook_disabled",
    "role_changed",
    "removed_from_organisation",
    "admin_invitation",
]
Part = Literal["txt", "html"]
TEMPLATES: Final[tuple[TemplateName, ...]] = get_args(TemplateName)

_WIDTH: Final = 76
_VALUE_LENGTH: Final = 120
_LINK_LENGTH: Final = 2_000  # the longest that every browser and mail gateway passes on
_LINE_ENDS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Directions turned and widths of nothing, which show one name as another; joiners stay, some scripts need them.
_DISGUISES: Final = re.compile("[\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
_BREAKING_SPACE: Final = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a mail says. The bodies hold links that are keys, so they are not printed with it."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


def render(name: TemplateName, locale: Locale, **values: str | datetime | timedelta) -> Rendered:
    """Fill a template in; :func:`variables` names its values.

    Names are cut to 120 characters and lose what could end a line or turn its direction; ``link`` is an address
    of the web (fragment and all); a moment comes in the time zone that its reader should see.

    Raises:
        InvariantBroken: values are missing, unknown or unusable. The message names them and never shows them.
    """
    expected = variables(name, locale)
    if expected != values.keys():
        wrong = ", ".join(sorted(expected ^ values.keys()))
        raise InvariantBroken(f"The mail {name} was given too little or too much: {wrong}.")
    clean = {key: _clean(key, value) for key, value in values.items()}
    plain, rich = _template(name, locale, "txt"), _template(name, locale, "html")
    try:
        subject = "".join(plain.blocks["subject"](plain.new_context(clean)))
        text, html = plain.render(clean), rich.render(clean)
    except (TemplateError, LookupError, TypeError, ValueError, AttributeError) as error:
        # Without the cause: its words may hold a value.
        raise InvariantBroken(f"The mail {name} cannot be made ({type(error).__name__}).") from None
    return Rendered(_shortened(_one_line(subject), SUBJECT_LENGTH), _spaced(text), html)


@functools.cache
def variables(name: TemplateName, locale: Locale) -> frozenset[str]:
    """The names of the values that a template takes; the same in each language."""
    environment = _environment(locale, "txt")
    path = f"{locale}/{name}.jinja"
    assert environment.loader is not None
    try:
        source, _, _ = environment.loader.get_source(environment, path)
    except TemplateError:
        raise InvariantBroken(f"There is no mail {name!r} in {locale!r}.") from None
    found = meta.find_undeclared_variables(environment.parse(source, path))
    return frozenset(found - environment.globals.keys())


def _template(name: TemplateName, locale: Locale, part: Part) -> Template:
    return _environment(locale, part).get_template(f"{locale}/{name}.jinja")


@functools.cache
def _environment(locale: Locale, part: Part) -> Environment:
    if locale not in WORDS:
        raise InvariantBroken(f"There are no mails in {locale!r}.")
    words = WORDS[locale]
    environment = Environment(
        loader=PackageLoader("resources.mailer", "templates"),
        undefined=StrictUndefined,
        autoescape=part == "html",  # noqa: S701 - in plain text an escape would be seen
        extensions=[Typography],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": functools.partial(duration, words),
        "moment": functools.partial(moment, words),
        "role": words.roles.__getitem__,
        "reflow": _reflowed,
    }
    environment.globals |= {"words": words, "layout": f"layout.{part}"}
    environment.globals["say"] = environment.get_template(f"parts.{part}").module
    return environment


def _clean(key: str, value: str | datetime | timedelta) -> str | datetime | timedelta:
    if not isinstance(value, str):
        return value
    if key == "link":
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and parts.hostname and len(value) <= _LINK_LENGTH
        if not usable or not value.isascii() or not value.isprintable() or " " in value:
            raise InvariantBroken("The link of a mail is an http or https address, escaped.")
        return value
    honest = _DISGUISES.sub("", value).replace("=?", "= ?")  # in a subject, the start of an encoded word
    line = "".join(
        " " if unicodedata.category(character) in _LINE_ENDS else character for character in honest
    )
    return _shortened(_one_line(line), _VALUE_LENGTH)


def _one_line(text: str) -> str:
    return _BREAKING_SPACE.sub(" ", text).strip()


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _reflowed(text: str) -> str:
    """As one paragraph of at most 76 columns; no-break spaces hold, and a long word (a link) stays whole."""
    return textwrap.fill(_one_line(text), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _spaced(text: str) -> str:
    """One empty line between paragraphs, however the template was laid out."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
