"""Can two statements both hold? A first, honest baseline in French and English.

Two statements contradict each other where they speak of the same thing and give it values that exclude one another:
two amounts, two days, or yes and no. It knows no world: paraphrase without shared words is "unrelated" to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal

from .dates import DateMention, dates
from .language import language
from .lexicon import words
from .values import Value, plain, values

Label = Literal["contradiction", "consistent", "unrelated"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``label`` with its ``confidence`` in [0, 1], and ``why`` in a few words of English."""

    label: Label
    confidence: float
    why: str


_WORD = re.compile(r"[^\W\d_]+|\d[\d.,/-]*")
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|nothing|nobody|free of|free from|absence|lacks?|fail(?:s|ed)? to|ne|n['’](?=\w)|pas|jamais|aucune?|sans|non|ni|nulle?|rien|libre de|absence)\b|n['’]t\b",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"\b(?:formerly|previously|initially|originally|until then|no longer|since then|now|moved|postponed|amended|replaced|superseded|instead of|increased|reduced|revised|auparavant|initialement|précédemment|anciennement|désormais|"
    r"dorénavant|jusqu'alors|transférée?s?|reportée?s?|repoussée?s?|modifiée?s?|remplacée?s?|avenant|portée? à|ramenée?s?|au lieu de|révisée?s?)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:without|unless|except|subject to|if|provided|sans|sauf|à moins|sous réserve|si)\b", re.IGNORECASE
)
_REPORTED = re.compile(
    r"\b(?:claims?|maintains?|alleges?|alleged|contends?|argues?|asserts?|believes?|soutien(?:t|nent)|préten(?:d|dent)|affirm(?:e|ent)|allègu(?:e|ent)|estim(?:e|ent)) (?:that|que|qu')|"
    r"\b(?:according to|selon|d'après) ",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|M|Mme|Madame|Monsieur|Maître|Me|[Ss]alariée?|[Ee]mployee)\.?\s+([A-ZÀ-Ý][\w-]+)"
)
_BOUND = re.compile(
    r"\b(?:at least|at most|up to|more than|less than|about|around|approximately|over|under|minimum|maximum|au moins|au plus|jusqu'à|plus de|moins de|environ|près de|inférieure?|supérieure?)\b",
    re.IGNORECASE,
)
# Each pair: one side and its opposite, as stems without accents. Seen on either side of two statements, they part them.
_OPPOSITES: tuple[tuple[str, str], ...] = (
    ("pay", "impay"), ("paid", "unpaid"), ("regl", "impay"), ("sold", "impay"), ("settl", "unpaid"), ("autoris", "interd"), ("perm", "interd"), ("permet", "interd"), ("author", "prohibit"), ("permit", "prohibit"),
    ("allow", "prohibit"), ("allow", "forbid"), ("permit", "forbid"), ("allow", "forbidden"), ("accept", "refus"), ("accept", "reject"), ("accept", "rejet"), ("accept", "declin"), ("approuv", "rejet"), ("approv", "reject"),
    ("valid", "rejet"), ("valid", "null"), ("benefici", "deficitair"), ("profit", "loss"), ("profit", "deficit"), ("augment", "baiss"), ("augment", "diminu"), ("haus", "baiss"), ("increas", "decreas"), ("rose", "fell"),
    ("grew", "shrank"), ("ouvert", "ferm"), ("open", "close"), ("sign", "unsign"), ("confirm", "infirm"), ("confirm", "deni"), ("maintenu", "annul"), ("maintain", "cancel"), ("renouvel", "resili"), ("renew", "termin"),
    ("complet", "incomplet"), ("complet", "incomplet"), ("compl", "incompl"), ("enforc", "unenforc"), ("valid", "invalid"), ("licit", "illicit"), ("leg", "illeg"), ("lawful", "unlaw"), ("coupabl", "innocent"), ("guilti", "innoc"),
    ("vivant", "mort"), ("aliv", "dead"), ("occup", "vacant"), ("lou", "vacant"), ("let", "vacant"), ("present", "absent"), ("solvabl", "insolvabl"), ("solvent", "insolv"), ("exclus", "nonexclus"),
    ("recommand", "deconseil"), ("conseil", "deconseil"), ("gagn", "perd"), ("won", "lost"), ("success", "fail"), ("succ", "echec"), ("gratuit", "payant"), ("free", "charg"), ("vrai", "faux"), ("true", "fals"), ("conform", "nonconform"),
)  # fmt: skip
# Two statements can share half their words and deny different things: a negation alone wants more in common.
_NEGATION_FROM = 0.5
# Words that carry a statement without saying what it is about.
_EMPTY = words(
    "le la les l un une des du de d et ou a à au aux en dans par pour sur avec est sont etait ete etre sera ce cette ces se s son sa ses leur notre votre nous vous il elle on que qui qu y ne n pas "
    "eleve elever monte fixe fixee arrete arretee lieu tiendra tenir aura reste demeure jour actuellement annuel social prevu prevue selon plus tres bien tout toute tous avons avez ont ai prix-de "
    "the a an of to in on at by for with from is are was were be been being has have had will shall it its this that these those and or as their our your we you they he she i not no amount amounts stands agreed "
    "set take takes place took remains currently date there any all do does did s t ne pas jamais aucun aucune sans non ni rien without never none nor free libre absence euros euro pounds eur usd gbp dollars mille thousand million millions"
)


@dataclass(frozen=True)
class _Reading:
    """What one statement says, taken apart."""

    stems: frozenset[str]
    words: frozenset[str]
    people: frozenset[str]
    labels: frozenset[str]
    amounts: tuple[Value, ...]
    days: tuple[DateMention, ...]
    negated: bool
    text: str


@lru_cache(maxsize=2)
def _stemmer(name: str) -> Any:
    import Stemmer

    return Stemmer.Stemmer(name)


def _fold(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c))


def _read(text: str, written_at: datetime | None) -> _Reading:
    flat = text.replace("’", "'").replace("\u00a0", " ").replace("\u202f", " ")
    stemmer = _stemmer("french" if language(flat) == "fr" else "english")
    amounts, days = values(flat), dates(flat, written_at)
    taken = [(v.start, v.end) for v in amounts] + [(d.start, d.end) for d in days]
    stems, said, labels = set(), set(), set()
    for m in _WORD.finditer(flat):
        if any(start <= m.start() < end for start, end in taken):
            continue
        word = _fold(m.group())
        if word[0].isdigit():
            labels.add(word.strip(".,-/"))
            continue
        if word in _EMPTY or len(word) < 2:
            continue
        said.add(word)
        stems.add(_fold(stemmer.stemWord(m.group().lower())))
    marks = {m.group().lower() for m in _NEGATION.finditer(flat)}
    # "ne … pas" is one negation; "ne" alone may be the formal "ne" of "avant qu'il ne".
    negated = bool(marks - {"ne", "n'"})
    people = frozenset(_fold(m.group(1)) for m in _PERSON.finditer(flat))
    return _Reading(
        frozenset(stems),
        frozenset(said),
        people,
        frozenset(labels),
        tuple(amounts),
        tuple(days),
        negated,
        flat,
    )


def compare(a: str, b: str, written_a: datetime | None = None, written_b: datetime | None = None) -> Verdict:
    """Whether ``a`` and ``b`` can both hold. The days on which they were written make their dates comparable."""
    first, second = _read(a, written_a), _read(b, written_b)
    opposed = _opposed(first.words, second.words)
    shared = _shared(first.stems, second.stems)
    least = max(1, min(len(first.stems), len(second.stems)) - bool(opposed))
    overlap = len(shared) / least
    if first.labels and second.labels and not first.labels & second.labels:
        return Verdict("unrelated", 0.7, "they bear different numbers")
    if first.people and second.people and not first.people & second.people:
        return Verdict("unrelated", 0.7, "they name different people")
    if overlap < 0.5 or not shared:
        return Verdict("unrelated", round(0.9 - overlap / 2, 2), "few words in common")
    apart = (first.stems - shared, second.stems - shared)
    one_word = all(apart) and len(shared) == 1 and not first.labels & second.labels
    if one_word and not opposed and not (first.negated ^ second.negated):
        return Verdict("unrelated", 0.6, f"{'/'.join(sorted(shared))} of different things")
    if _REPORTED.search(first.text) or _REPORTED.search(second.text):
        return Verdict("consistent", 0.55, "one of them only reports what somebody says")
    if _CHANGE.search(first.text) or _CHANGE.search(second.text):
        return Verdict("consistent", 0.6, "one of them tells of a change")
    return _values_apart(first, second, overlap) or _polarity_apart(first, second, opposed, overlap)


def _shared(one: Iterable[str], other: Iterable[str]) -> frozenset[str]:
    """Stems in both, counting words of one family ("convoqué", "convocation") by their first five letters."""
    heads = {stem[:5] for stem in other}
    return frozenset(stem for stem in one if stem[:5] in heads)


def _opposed(one: frozenset[str], other: frozenset[str]) -> tuple[str, str] | None:
    for left, right in _OPPOSITES:
        for x, y in ((left, right), (right, left)):
            if any(s.startswith(x) for s in one) and any(s.startswith(y) for s in other):
                return (x, y)
    return None


def _values_apart(first: _Reading, second: _Reading, overlap: float) -> Verdict | None:
    bounded = bool(_BOUND.search(first.text) or _BOUND.search(second.text))
    for x in first.amounts:
        rivals = [y for y in second.amounts if y.unit == x.unit]
        if rivals and all(y.number != x.number for y in rivals) and not bounded:
            return Verdict(
                "contradiction",
                round(min(0.95, 0.6 + overlap / 3), 2),
                f"{plain(x.number)} against {plain(rivals[0].number)} {x.unit}",
            )
    left, right = _days(first), _days(second)
    if left and right and not set(left) & set(right):
        if any(d.deadline for d in (*first.days, *second.days)):
            return Verdict("consistent", 0.55, "one of the days is a limit")
        if not any(x.number == y.number for x in first.amounts for y in second.amounts):
            return Verdict(
                "contradiction", round(min(0.9, 0.5 + overlap / 3), 2), f"{left[0]} against {right[0]}"
            )
    return None


def _days(reading: _Reading) -> list[date]:
    """The days it names; without a year they are compared as if in a leap year of no meaning."""
    found = [d.value for d in reading.days if d.value]
    if found:
        return found
    return [d.value for d in dates(reading.text, date(2000, 1, 1)) if d.value]


def _polarity_apart(
    first: _Reading, second: _Reading, opposed: tuple[str, str] | None, overlap: float
) -> Verdict:
    conditional = _CONDITION.search(first.text) or _CONDITION.search(second.text)
    if (
        conditional
        and not opposed
        and first.negated ^ second.negated
        and re.search(r"\b(?:without|sans|unless|sauf)\b", first.text + " " + second.text)
    ):
        return Verdict("consistent", 0.5, "one of them holds on a condition")
    alike = len(_shared(first.stems, second.stems)) / max(1, len(first.stems), len(second.stems))
    if (first.negated ^ second.negated) ^ bool(opposed) and (opposed or alike >= _NEGATION_FROM):
        why = f"{opposed[0]} against {opposed[1]}" if opposed else "one denies what the other states"
        return Verdict("contradiction", round(min(0.9, 0.45 + overlap / 3), 2), why)
    if overlap >= 0.5:
        return Verdict(
            "consistent",
            round(min(0.9, 0.3 + overlap / 2), 2),
            "the same thing, and nothing that excludes it",
        )
    return Verdict("unrelated", 0.5, "few words in common")
