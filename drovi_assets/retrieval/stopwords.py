"""Words that carry no topic in French and English, as folded forms (lower case, no accents).

Each language has its own list, since one language's filler is another's content: *car*, *son*, *or*, *an*. Only
what is filler in every reading is dropped where the language is not known.
"""

# ruff: noqa: SIM905 - a list of words is reviewed more easily than a hundred quoted ones

from __future__ import annotations

FRENCH = frozenset(
    # articles, elisions, prepositions, conjunctions
    "le la les l un une des du de d au aux a en dans par pour sur sous avec sans entre vers chez depuis pendant "
    "et ou ni mais or donc car que qu quoi dont si comme lorsque puisque quand afin ainsi alors aussi puis "
    # pronouns and determiners
    "je j tu il elle on nous vous ils elles me m te t se s lui leur leurs y ce c cet cette ces cela ca ceci celui "
    "celle ceux celles mon ma mes ton ta tes son sa ses notre nos votre vos tout tous toute toutes meme "
    # question words: they name the kind of answer, not its subject
    "qui quel quelle quels quelles comment combien pourquoi lequel laquelle lesquels lesquelles est-ce "
    # auxiliaries and negation
    "est es suis sommes etes sont ete etait etaient etre sera seront serait soit fut furent ai as avons avez ont "
    "avait avaient avoir aura auront aurait eu ne n pas plus moins tres fait faire peut peuvent t-il t-elle".split()
)

ENGLISH = frozenset(
    "the a an of in on at to for from by with without within into onto upon about between through during over under "
    "and or nor but so if then than that which who whom whose what when where why how as because while until "
    "i you he she it we they me him her us them my your his its our their this these those there here "
    "s t d ll re ve m don doesn didn isn aren wasn weren won "
    "am is are was were be been being do does did doing done has have had having can could will would shall should "
    "may might must not no nor any some each all both such own same too very just also only".split()
)

_CONTENT_ELSEWHERE = frozenset(
    "car son or an on as main me pas plus but the sans over sera fait die comment y".split()
)
"""Filler in one of the two languages and a word of substance in the other."""

EITHER = (FRENCH | ENGLISH) - _CONTENT_ELSEWHERE
"""Filler whichever of the two languages it is read in."""


def stop_words(language: str) -> frozenset[str]:
    """The list for ``"fr"`` or ``"en"``; :data:`EITHER` for anything else."""
    match language:
        case "fr":
            return FRENCH
        case "en":
            return ENGLISH
        case _:
            return EITHER
