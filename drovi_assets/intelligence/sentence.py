"""One sentence with what the finders of each kind need to know about it, and the guards they share.

A guard answers a question about the sentence as a whole: is it asked, supposed, reported, or boilerplate?
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from .dates import DateMention, dates
from .language import Language
from .model import TextContext


@dataclass(frozen=True, slots=True)
class Finding:
    """What a finder saw in a sentence: how sure it is, and the slots it could fill from the words."""

    confidence: float
    slots: dict[str, object]


@dataclass(frozen=True)
class Sentence:
    """``text`` stands at ``start`` in the source; ``author`` is who says it, "" if unknown.

    ``contract`` says that the text around it is a contract, where "the Tenant shall" binds somebody; ``place`` is where
    it stands in its text, from 0 to 1, None where it is the whole of it.
    Not slotted: the cached properties need a ``__dict__``.
    """

    text: str
    start: int
    lang: Language
    author: str
    context: TextContext
    contract: bool = False
    place: float | None = None

    @cached_property
    def flat(self) -> str:
        """The words with blank space and apostrophes made uniform; same length, so offsets hold."""
        return _FLATTEN.sub(lambda m: "'" if m.group() in "’‘ʼ" else " ", self.text)

    @cached_property
    def dates(self) -> list[DateMention]:
        """The date expressions of the sentence, their offsets counted from its start."""
        return dates(self.flat, self.context.written_at)

    @cached_property
    def is_question(self) -> bool:
        """It ends with a question mark."""
        return self.flat.rstrip(" \"'»”)").endswith("?")

    @cached_property
    def is_boilerplate(self) -> bool:
        """A polite formula, a footer or a machine's notice, whatever its words promise."""
        return bool(_BOILERPLATE.search(self.flat))

    @cached_property
    def is_heading(self) -> bool:
        """Too short or too capital to state anything."""
        if (
            self.text[0] in "|#[<" or self.text.count("|") > 1
        ):  # a row of a table, a Markdown title, a tick box
            return True
        count = len(self.flat.split())
        return count < 3 or (count < 12 and self.text.isupper())


_FLATTEN = re.compile(r"[’‘ʼ\n\r\t\f\v\u00a0\u202f\u2009\u2007]")
_BOILERPLATE = re.compile(
    r"\bunsubscribe|d[ée]sabonn|d[ée]sinscri|\bintended recipient|destinataire (?:pr[ée]vu|non)|\bthis e-?mail (?:and|is|may|was)\b|"
    r"\bre[çc]u ce (?:message|courriel|mail) par erreur|in error\b.{0,60}\b(?:delete|notify|destroy)|please (?:consider the environment|do not print)|"
    r"n'imprimez|pensez à l'environnement|all rights reserved|tous droits r[ée]serv[ée]s|\bprivacy policy|politique de confidentialit[ée]|terms of (?:use|service)\b|"
    r"\bview (?:this|it) (?:e-?mail )?(?:in|online)|click (?:here|on the link|below)|cliquez (?:ici|sur le lien)|sent from my |envoyé (?:de|depuis) mon |"
    r"\bviruses?\b.{0,80}\battach|\battach.{0,80}\bviruses?\b|"
    r"(?:we|i) look forward to|hope (?:this|you)|(?:do not|don't) hesitate|n'h[ée]sitez (?:pas|surtout pas) à (?:nous|me|m'|revenir|prendre contact|contacter|appeler|poser|solliciter|consulter|partager|visiter|vous rapprocher|faire part|y)|"
    r"veuillez (?:agr[ée]er|recevoir|croire)|je vous prie (?:d'agr[ée]er|de croire|de recevoir)|nous vous prions (?:d'agr[ée]er|de croire|de recevoir)|"
    r"restons? à votre (?:enti[èe]re )?disposition|reste à votre (?:enti[èe]re )?disposition|resterons à votre|"
    r"\ble pr[ée]sent (?:message|courriel)|autosave|out of (?:the )?office|absent du bureau|automatic reply|réponse automatique",
    re.IGNORECASE,
)
