"""What kind of answer a question asks for, and whether a sentence holds one of that kind."""

from __future__ import annotations

import re
from enum import StrEnum

from drovi_assets.retrieval.analysis import fold


class Expected(StrEnum):
    """The kind of thing that answers a question."""

    TIME = "time"
    AMOUNT = "amount"
    NUMBER = "number"
    PERSON = "person"
    PLACE = "place"
    YES_NO = "yes_no"
    REASON = "reason"
    ANY = "any"


# Read in this order on the folded question: "how long" and "combien de temps" are numbers before anything else.
_ASKS: tuple[tuple[Expected, re.Pattern[str]], ...] = (
    (
        Expected.TIME,
        re.compile(
            r"\b(when|what (?:year|date|day|month|time|century|decade)|which (?:year|date|day|month)|by when|until when|"
            r"quand|quelle (?:est la )?(?:date|annee|heure|echeance)|quel (?:jour|mois|siecle)|en quelle annee)\b"
        ),
    ),
    (
        Expected.AMOUNT,
        re.compile(
            r"\b(how much|what (?:is|are|was|were) the (?:\w+ ){0,3}(?:price|cost|fee|fees|amount|salary|fine|rent|budget)s?|"
            r"what (?:price|amount|fee)|quel (?:est le )?(?:montant|prix|cout|loyer|budget|tarif)|combien (?:coute|couter|a coute|vaut|paie)|"
            r"a combien)\b"
        ),
    ),
    (
        Expected.NUMBER,
        re.compile(
            r"\b(how (?:many|long|far|often|old|tall|large|big|high)|what (?:percentage|percent|number|proportion|share|rate)|"
            r"combien|quel(?:le)? (?:est (?:le|la) )?(?:nombre|pourcentage|proportion|taux|duree|delai|superficie|taille|part))\b"
        ),
    ),
    (
        Expected.PERSON,
        re.compile(
            r"\b(who|whom|whose|which (?:person|man|woman|lawyer|judge|company|party)|qui|quel(?:le)? (?:personne|avocat|juge|"
            r"societe|partie|auteur|homme|femme|roi|president))\b"
        ),
    ),
    (
        Expected.PLACE,
        re.compile(
            r"\b(where|(?:what|which|in what|in which) (?:country|city|town|state|place|region|court)|ou (?:se|est|sont|a|ont|"
            r"etait|peut|peuvent|fut|vit|travaille)|(?:quel|quelle|dans quel|dans quelle) (?:pays|ville|region|lieu|endroit|"
            r"etat|continent|tribunal))\b"
        ),
    ),
    (Expected.REASON, re.compile(r"\b(why|for what reason|pourquoi|pour quelle raison)\b")),
    (
        Expected.YES_NO,
        re.compile(
            r"^(?:is|are|was|were|do|does|did|can|could|will|would|shall|should|has|have|had|may|must|est-ce|est-il|"
            r"est-elle|sont-ils|peut-on|peut-il|doit-on|y a-t-il|faut-il|existe-t-il|a-t-on|a-t-il|a-t-elle)\b"
        ),
    ),
)

_MONTHS = (
    r"janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre|"
    r"january|february|march|april|may|june|july|august|september|october|november|december"
)
_TIME = re.compile(
    rf"\b(?:1\d{{3}}|20\d{{2}}|\d{{1,2}}[/.-]\d{{1,2}}(?:[/.-]\d{{2,4}})?|{_MONTHS}|monday|tuesday|wednesday|thursday|friday|"
    r"saturday|sunday|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|today|tomorrow|yesterday|demain|hier|"
    r"(?:within|under|after|before|sous|dans|apres|avant)\s+(?:\w+\s+){0,2}(?:days?|weeks?|months?|years?|hours?|jours?|"
    r"semaines?|mois|ans?|heures?)|\d+(?:st|nd|rd|th) century|siecle)\b"
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|"
    r"million|billion|half|third|quarter|dozen|deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|douze|vingt|trente|quarante|"
    r"cinquante|cent|mille|millions?|milliards?|moitie|tiers|quart|dizaine|centaine)\b"
)
_AMOUNT = re.compile(
    r"[€$£₹¥]|\b(?:eur|usd|gbp|inr|euros?|dollars?|pounds?|francs?|rs|rupees?|yen|cents?|k€)\b|%|\bfree\b|\bgratuit|\bno (?:charge|fee|cost)"
)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-ZÀ-Ý][\w’'-]+")
_REASON = re.compile(
    r"\b(because|since|due to|so that|in order to|as a result|therefore|to (?:ensure|avoid|prevent|protect|allow)|parce que|"
    r"car|en raison|afin|grace a|puisque|pour (?:que|eviter|permettre)|a cause|faute de)\b"
)


def expected_answer(question: str) -> Expected:
    """The kind of answer the wording asks for."""
    folded = " ".join(fold(question).replace("’", "'").split())
    return next((kind for kind, asks in _ASKS if asks.search(folded)), Expected.ANY)


def holds(expected: Expected, sentence: str, question: str) -> bool | None:
    """Whether ``sentence`` holds something of that kind which the question does not say itself.

    None where the kind leaves no trace to look for.
    """
    folded = fold(sentence)
    match expected:
        case Expected.TIME:
            return _new(_TIME, folded, fold(question))
        case Expected.AMOUNT:
            return bool(_AMOUNT.search(folded)) or _new(_NUMBER, folded, fold(question))
        case Expected.NUMBER:
            return _new(_NUMBER, _without(folded, fold(question)), "")
        case Expected.PERSON | Expected.PLACE:
            return _new(_NAME, sentence, question)
        case Expected.REASON:
            return bool(_REASON.search(folded))
        case _:
            return None


def _new(pattern: re.Pattern[str], sentence: str, question: str) -> bool:
    return any(found.group() not in question for found in pattern.finditer(sentence))


def _without(sentence: str, question: str) -> str:
    """``sentence`` less the numbers that the question gives."""
    given = set(re.findall(r"\d[\d.,]*", question))
    return re.sub(r"\d[\d.,]*", lambda found: "" if found.group() in given else found.group(), sentence)
