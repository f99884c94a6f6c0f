"""What the linear heads see of a sentence: hashed grams of its words, and facts that the grammar knows.

*Words*: single words, pairs and triples. *Facts*: dates to come or gone by, amounts, questions, person, negation, the place in the text, and
which patterns fired. Each view is a unit vector of its own, so that a long sentence weighs no more than a short one and
a few facts are not drowned by many words. Nothing is looked up and no vocabulary is stored.

Who wrote to whom is left out on purpose: it helps on the golden cases, where minutes have no readers, and ruins decisions
on a mail whose header was not given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

from .lexicon import words
from .model import ObjectKind
from .sentence import Sentence
from .values import values

BUCKETS = 1 << 17
_MOST_TOKENS = 80
_SURE = 0.75
_TOKEN = re.compile(r"[^\W\d_]+(?:'(?=[^\W\d_]))?|\d+(?:[.,\s]\d+)*|[?!:;,$€£%«»\"()→-]|\.{3}|…")
_FIRST = words("je j' nous on mon ma mes notre nos i we my our me us")
_SECOND = words("vous tu votre vos ton ta tes you your")
_NEGATION = words("ne n' pas jamais rien aucun aucune ni not no never nothing none neither without sans")


class Grams(NamedTuple):
    """Hashed places of both views, each once, sorted."""

    words: list[int]
    facts: list[int]


def grams(s: Sentence, fired: Mapping[ObjectKind, float]) -> Grams:
    """The grams of ``s``; ``fired`` gives the confidence of the pattern of each kind that fired."""
    tokens = tokens_of(s.flat)
    return Grams(_hashed(_word_grams(tokens)), _hashed(_facts(s, frozenset(tokens), fired)))


def tokens_of(text: str) -> list[str]:
    """Lower-case words (an elided one keeps its apostrophe), "0" for any figure, and telling marks; at most 80."""
    # Tokenised corpora write "do n't" and "you ’re": glue them, so that both ways of writing count alike.
    flat = text.replace("’", "'").replace(" n't", "n't").replace(" '", "'").lower()
    found = []
    for m in _TOKEN.finditer(flat):
        token = m.group()
        found.append("0" if token[0].isdigit() else token)
        if len(found) >= _MOST_TOKENS:
            break
    return found


def _hashed(found: Iterable[str]) -> list[int]:
    return sorted({crc32(gram.encode()) % BUCKETS for gram in found})


def _word_grams(tokens: list[str]) -> Iterator[str]:
    framed = ["<s>", *tokens, "</s>"]
    yield from tokens
    for pair in pairwise(framed):
        yield " ".join(pair)
    for triple in zip(framed, framed[1:], framed[2:], strict=False):
        yield " ".join(triple)


def _facts(s: Sentence, tokens: frozenset[str], fired: Mapping[ObjectKind, float]) -> Iterator[str]:
    for kind, confidence in fired.items():
        yield f"# cue {kind} {'sure' if confidence >= _SURE else 'weak'}"
    written = s.context.written_at.date() if s.context.written_at else None
    for mention in s.dates:
        yield "# deadline" if mention.deadline else "# date"
        if mention.value and written:
            yield "# ahead" if mention.value >= written else "# gone by"
    for value in values(s.flat):
        yield "# money" if value.unit.isupper() else "# figure"
    yield f"# first {bool(tokens & _FIRST)}, second {bool(tokens & _SECOND)}"
    yield f"# negated {bool(tokens & _NEGATION)}"
    if s.contract:
        yield "# contract"
    if s.place is not None:
        yield f"# place {int(s.place * 2.99)}"
    yield f"# length {min(6, len(s.flat) // 30)}"
    yield f"# opens {'small' if s.text[0].islower() else 'figure' if s.text[0].isdigit() else 'capital'}"
    yield f"# ends {'bare' if s.flat[-1].isalnum() else s.flat[-1]}"
