"""Slots that several kinds share: when something is due, on what condition, and the words of the act itself."""

from __future__ import annotations

import re

from .language import Language
from .sentence import Sentence

_CONDITION = re.compile(
    r"(?:^|,\s*|\s)(?P<condition>(?:if|provided(?: that)?|unless|subject to|as soon as|once|upon(?= (?:receipt|completion|signature|execution|termination|request|written))|in the event(?: that| of)|on condition that|assuming|"
    r"si(?= )|s(?='il)|sous réserve (?:de|d|que)|à condition (?:de|que|d)|dès (?:que|réception|signature|lors que)|en cas de|sauf si|à moins que|pourvu que|au cas où|lorsque)[ '][^,;.]{3,160})",
    re.IGNORECASE,
)
_ANCHORED = re.compile(
    r"\s+(?:of|from|after|following|prior\s+to|before|à\s+compter\s+d[eu]|à\s+partir\s+d[eu]|suivant|après|avant|de\s+la|de\s+l'|du)\b[^,;.]{0,80}",
    re.IGNORECASE,
)
# No day, but a moment: "à la signature du contrat", "upon receipt of the invoice".
_MOMENT = re.compile(
    r"(?:\bà la (?:signature|livraison|réception|remise|clôture|date)|\bdès (?:la )?(?:signature|livraison|réception|que)|\b(?:up)?on (?:receipt|completion|signature|signing|delivery|execution|demand|closing)|"
    r"\bas soon as|\bimmediately (?:after|upon|following)|\bonce)\b[^,;.]{0,80}",
    re.IGNORECASE,
)
_PRONOUNS = {
    "fr": re.compile(r"^(?:(?:vous|lui|leur|le|la|les|y|en|nous|me|te)\s+|l'|m'|t')+(?=\w)", re.IGNORECASE),
    "en": re.compile(r"^(?:to|that)\s+", re.IGNORECASE),
}
_WHAT_AT_MOST = 300


def due(s: Sentence, at: int) -> dict[str, object]:
    """``due`` and ``due_text`` from the sentence's dates: a limit wins, then the first date after ``at``.

    A date before the verb counts only where it is a limit ("by Friday I will…"). Times gone by are no deadlines,
    except that an author may miss one already when writing: the words decide, not the clock.
    """
    after = [d for d in s.dates if d.deadline] or [d for d in s.dates if d.start >= at]
    if not after:
        moment = _MOMENT.search(s.flat, at)
        return {"due_text": s.text[moment.start() : moment.end()].strip()} if moment else {}
    mention = after[0]
    end = mention.end
    if mention.value is None and (tail := _ANCHORED.match(s.flat, end)):
        end = tail.end()
    slots: dict[str, object] = {"due_text": s.text[mention.start : end].strip()}
    if mention.value is not None:
        slots["due"] = mention.value.isoformat()
    return slots


def condition(s: Sentence) -> str:
    """The clause on which the rest depends, in the document's words; "" where there is none."""
    found = _CONDITION.search(s.flat)
    return s.text[found.start("condition") : found.end("condition")].strip() if found else ""


def without_leading_pronouns(what: str, lang: Language) -> str:
    """The act in its own words: no object pronoun in front, no full stop behind, at most 300 characters."""
    pattern = _PRONOUNS.get(lang)
    trimmed = pattern.sub("", what) if pattern else what
    trimmed = trimmed.strip().rstrip(".;:!, ")
    if len(trimmed) > _WHAT_AT_MOST:
        trimmed = trimmed[:_WHAT_AT_MOST].rsplit(" ", 1)[0] + "…"
    return trimmed
