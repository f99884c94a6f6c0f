"""Advice: the author recommends a course to the reader, or reports whose recommendation it is.

Not advice: requests for the author's own sake ("please send me"), expectations ("you should receive"), questions.
"""

from __future__ import annotations

import re

from .cues import best, table
from .sentence import Finding, Sentence
from .slots import without_leading_pronouns

_CUES = table(
    fr={
        r"\b(?:nous|je|j'|on)\s*(?:vous |leur |lui )?(?:\w+ment |donc |aussi |également )?(?:recommand(?:e|ons|erais|erions)|conseill(?:e|ons|erais|erions)|préconis(?:e|ons|erais|erions)|suggèr(?:e|erais)|suggér(?:ons|erions|erais)|invit(?:e|ons) (?:donc |vivement |également )?(?:la société |le client )?à)": 0.86,
        r"\bnous vous engageons (?:donc |vivement )?à\b": 0.84,
        r"\b(?:recommandons|conseillons|préconisons|recommande|conseille|préconise|déconseill(?:e|ons))\b": 0.84,
        r"\b(?:notre|ma|nos|mes|leur|sa) (?:\w+ )?(?:recommandations?|conseils?|préconisations?|avis)\b[^.;]{0,40}\b(?:est|sont|serait|:|consiste|reste|demeure)": 0.82,
        r"\bil (?:conviendrait|convient|serait (?:\w+ment )?(?:prudent|opportun|souhaitable|judicieux|préférable|utile|sage|raisonnable|bon|recommandé|plus \w+)|est (?:\w+ment |fortement |vivement |donc )?(?:recommandé|conseillé|préférable|prudent|souhaitable|opportun|judicieux|déconseillé|essentiel|impératif|indispensable|important)|vaudrait mieux|vaut mieux|y a lieu|y aurait lieu|importe|faudrait|faut)\s*(?:donc |toutefois |également |de |d'|que |vivement |de ne pas )": 0.8,
        r"\b(?:vous (?:devriez|auriez (?:tout )?intérêt|avez (?:tout )?intérêt|gagneriez)|la société (?:devrait|aurait intérêt|gagnerait)|(?:le|la|votre) client(?:e)? (?:devrait|aurait intérêt))\b": 0.82,
        r"\b(?:mieux vaut|mieux vaudrait|(?:le )?mieux (?:est|serait)|le plus (?:sûr|prudent|simple|sage) (?:est|serait)|nous sommes d'avis|je suis d'avis|à votre place)\b": 0.78,
        r"^(?:pensez|veillez|évitez|privilégiez|assurez-vous|vérifiez|n'oubliez pas d|conservez|prévoyez|anticipez|préférez|refusez|exigez|attendez|négociez|documentez|formalisez|rassemblez|demandez (?!-)(?:un|une|la|le|au|à|des|l')|gardez|limitez|déclarez|provisionnez|faites(?!-)|prenez (?:soin|garde|le temps)|soyez (?:vigilant|prudent|attentif))\b": 0.72,
        r"^(?:recommandations?|conseils?|préconisations?)\s*(?:n°\s*)?\d*\s*[:–—-]\s*(?=\S.{8})": 0.86,
        r"^(?:surtout,? |de plus,? |enfin,? |en attendant,? |d'ici là,? )?ne (?:\w+ )?(?!manquez|tenez|vous inquiétez|répondez pas à ce|soyez)[a-zà-ÿ]+ez (?:pas|rien|jamais|aucun|plus|surtout)\b": 0.74,
        r"\bn'hésitez pas à (?!nous|me|m'|revenir|prendre contact|contacter|appeler|poser|solliciter|consulter|partager|visiter|vous rapprocher|faire part|y)\w+": 0.68,
        r"\b(?:ne (?:me |nous )?(?:paraît|semble|paraissent|semblent) (?:pas|guère|ni)|(?:me|nous) (?:paraît|semble|paraissent|semblent)(?: \w+ment)?|(?:est|serait)(?: à mon sens| selon nous| à notre avis)?) (?:pas |plus |très )?(?:opportune?|judicieu(?:x|se)|prudente?|souhaitable|raisonnable|indiquée?|recommandée?|adaptée?|préférable|la meilleure (?:option|solution|voie)|la voie la plus)\b": 0.76,
        r"\b(?:la (?:meilleure|seule) (?:option|solution|protection|stratégie|voie)|l'idéal|le bon réflexe|la prudence (?:commande|impose|recommande|voudrait)) (?:est|serait|consiste|reste|commande|impose|recommande|voudrait)?": 0.7,
        r"\b(?:nous|je) (?:ne )?(?:vous )?(?:déconseill\w+|mettons en garde|mets en garde)": 0.84,
        r"\b(?:à (?:notre|mon) (?:sens|avis)|selon (?:nous|moi)|de (?:notre|mon) point de vue),? (?:il |vous |mieux|la (?:société|meilleure)|le (?:plus|mieux))": 0.74,
        r"\b(?:nous serions|je serais|nous sommes|je suis) (?:plutôt |\w+ment )?(?:d'avis|favorables?|partisans?|enclins?)": 0.78,
        r"\b(?:notre|ma) (?:nette )?préférence (?:va|irait|est)|\b(?:je|nous) privilégi(?:e|ons|erais|erions)|\b(?:nous|je) (?:vous )?encourage(?:ons)?\b|\bne saur(?:ions|ais) trop (?:vous )?": 0.8,
        r"\bil (?:vous )?(?:appartient|incombe|revient) (?:donc )?(?:de|d')|\bil est (?:grand )?temps de\b|\ble moment est venu de\b|\bil est (?:urgent|nécessaire|utile|possible et souhaitable) (?:de|d')": 0.68,
        r"^(?:autant|inutile de|rien ne sert de|pourquoi ne pas|songez à|gare à|attention à|ne manquez pas de|à éviter|à proscrire|à privilégier|plutôt que de)\b": 0.72,
        r"\b(?:s'impose(?:nt)?|mérit(?:e|ent|erait) d'être|est à (?:proscrire|éviter|privilégier|envisager)|sont à (?:proscrire|éviter|privilégier))\b": 0.68,
        r"\b(?:gagner(?:ait|iez|ions)|gagnerions) à\b|\bpourr(?:iez|ait) utilement\b|\baur(?:iez|ait) (?:tout )?(?:intérêt|avantage) à\b|\bavez (?:tout )?(?:intérêt|avantage) à\b|\bserai(?:ez|t) bien (?:avisée?|inspirée?)": 0.8,
        r"\b(?:devrait|devraient) (?:être |donc |également |aussi )*(?:\w+er|\w+ir|\w+re|\w+ée?s?)\b": 0.62,
        r"^n['e] ?[a-zà-ÿ]+ez (?:pas|rien|jamais|aucune?|plus|surtout)\b": 0.74,
        r"\bil faut (?:donc |absolument |impérativement |d'abord )?(?:faire|\w+er|\w+ir|\w+re)\b|\b(?:on a|vous avez|nous avons|la société a) tout (?:intérêt|avantage) à\b|\b(?:vous |ne pouvons que vous |ne peux que vous )(?:incit|exhort|encourag)\w+ à\b": 0.74,
        r"\b(?:paraît|semble|serait|est) (?:être )?la (?:plus|mieux) \w+\b|\b(?:paraît|semble|serait|est) le (?:plus|mieux) (?:\w+)\b[^.;]{0,20}$|\best à préférer\b|\bserait à préférer\b": 0.7,
    },
    en={
        r"\b(?:we|i|we'd|i'd)\s+(?:would |do |also |strongly |therefore |still |now |must |can only |highly |accordingly |further |again )*(?:recommend|advise|suggest|advocate|counsel|urge|propose that you|encourage you|caution (?:you )?against|caution you|advise against)\b": 0.86,
        r"\b(?:our|my|their|the|counsel's|his|her) (?:\w+ )?(?:advice|recommendations?|suggestion|counsel)\b[^.;]{0,40}\b(?:is|are|would be|remains?|was|were|:)": 0.82,
        r"\b(?:it|this) (?:would|might|may|could|is) (?:\w+ )?(?:be )?(?:\w+ly )?(?:prudent|advisable|wise|sensible|preferable|better|best|safer|recommended|worth(?:while)?|inadvisable|essential|important|a good idea|in your (?:best )?interest)\b(?:\s+(?:for you |for the \w+ )?(?:to|that|if|not)|\s+\w+ing\b)": 0.8,
        r"\b(?:is|are|was) (?:strongly |highly |generally |therefore )?(?:recommended|advised|advisable|inadvisable)\b": 0.78,
        r"\b(?:you|(?:the )?(?:client|company|board|directors|trustees|firm|tenant|landlord)|one) (?:\w+ly )?(?:should|ought to|shouldn't|should not|had better|would be (?:wise|well advised|better off)|may (?:want|wish) to|might (?:want|wish|like|consider)(?: to)?|need to consider|could (?:try|consider|also|always))\b": 0.74,
        r"\b(?:you'd|you had) (?:better|be (?:better off|wise|best|well advised))\b|\byour best (?:bet|option|course)\b|\bif i were you\b|\bin your (?:place|shoes|position),? i(?:'d| would)\b": 0.8,
        r"\b(?:the|our|a) (?:safest|best|better|wisest|most prudent|prudent|preferable|sensible|simplest|cleanest|only safe) (?:course|option|approach|route|way|solution|step|thing|path|protection|strategy)\b[^.;]{0,40}\b(?:is|are|would be|remains)\b": 0.8,
        r"^(?:it(?:'s| is) |it would be |far |probably )?best (?:not )?to\b|^better (?:not )?to\b|\bmuch better to\b": 0.78,
        r"\b(?:does not|doesn't|do not|don't|would not|wouldn't) (?:strike (?:me|us) as|seem|appear|look) (?:to be )?(?:an? )?(?:sensible|wise|prudent|advisable|good|appropriate|right|reasonable)\b|\b(?:seems|appears|strikes (?:me|us) as|would be) (?:an? |to be )?(?:\w+ly )?(?:unwise|imprudent|premature|inadvisable|prudent|wise|advisable|sensible)\b": 0.78,
        r"^(?:please |in the meantime,? |until then,? |above all,? |and |but |also,? |meanwhile,? )?(?:do not|don't|never)\s+(?!hesitate|reply|respond to this|forget (?:to|the)|worry|click|print|know|have|think|see|want|need|believe|feel|get me|you\b|like|remember)\w+\b": 0.72,
        r"^(?:remember to|be sure to|keep (?:a|the|all|copies|records|every)|take care (?:to|not)|hold off|refrain from|insist on|seek (?:\w+ )?(?:advice|counsel)|think twice|put (?:everything|it) in writing|get (?:it|everything|that|this) in writing|wait (?:until|for)|start by|try (?:to|not|\w+ing))\b": 0.72,
        r"^(?:recommendations?|advice|suggestions?)\s*\d*\s*[:–—-]\s*(?=\S.{8})": 0.86,
        r"^(?:also,? |then,? |so,? |and |but |first,? |instead,? |always |just )*(?:consider (?:\w+ing|a|an|the|whether)|make sure (?:you|to|that|it|the)|ensure (?:you|that|the)|avoid (?:\w+ing|the|any)|beware|be (?:sure|careful|aware|prepared) (?:to|of|not|that)?|do not (?:sign|pay|admit|accept|agree|respond|reply|disclose|concede|commit)|don't (?:sign|pay|admit|accept|agree|respond|reply|disclose|concede|commit))\b": 0.72,
        r"\b(?:counsel|the (?:auditors?|lawyers?|accountants?|advis[eo]rs?|consultants?))(?: have| has)? (?:recommends?|advises?|recommended|advised|suggests)\b(?! (?:of|on) (?:the|any))": 0.72,
        r"\b(?:i|we)(?:'d| would) (?:personally |rather |always |also |definitely |strongly )*(?:go for|go with|favou?r|lean towards?|hold off|steer clear|avoid|opt for|prefer (?:that )?you|look into|start (?:by|with)|try|talk to|ask|get|make sure|consider|not (?:sign|accept|pay|agree|rely|proceed|go|do|worry|recommend)|be (?:careful|wary|inclined|cautious))\b": 0.72,
        r"\b(?:i|we) wouldn't (?:sign|accept|pay|agree|rely|proceed|go|do|touch|recommend|risk|wait)\b": 0.74,
        r"\b(?:my|our) (?:strong |clear )?preference (?:is|would be)|\b(?:i|we)(?:'m|'re| am| are) (?:firmly |strongly )?(?:in favou?r of|inclined to|of the (?:view|opinion) that (?:you|the|it))": 0.74,
        r"\b(?:is|it's|be|seems) (?:well |also |probably |certainly )?worth (?:\w+ing|a)\b|\bthere is (?:much |some )?merit in\b|\bit makes (?:more |good |little |no )?sense (?:to|for)\b|\bit(?:'s| is) (?:high )?time to\b": 0.74,
        r"\b(?:would|'d) (?:do well|be well advised|be better off|be better served|be best)\b|\bhad best\b": 0.8,
        r"\b(?:should|ought to) (?:not |also |therefore |always |never |first |now |still |ideally )*be (?:\w+ly )?(?!able|fine|ok|okay|ready|there|here|good|back|received|in\b|on\b|at\b|home|available|noted|aware|a\b|an\b|the\b|no\b|possible|easy|sent to|directed|addressed)(?:\w+ed|made|put|kept|taken|sought|given|drawn|held|set|built|brought|written|borne|left|cut|paid|told|done|read|run|sent|spent)\b": 0.66,
        r"^(?:steer clear|resist|beware of|stick (?:to|with)|focus on|talk to (?:a|an|your)|speak to (?:a|an|your))\b": 0.66,
        r"\brefrain from\b|\bis to be preferred\b|\b(?:we|i) (?:would |'d )?lean towards?\b|\b(?:in (?:your|our|the \w+'s) (?:best )?interests?) to\b|\b(?:looks?|seems?|appears?) (?:like )?(?:to be )?the (?:best|better|safest|right|most \w+) (?:fit|option|course|choice|route|solution|way)\b": 0.76,
        r"\b(?:needs?) to be (?!able|there|here|in\b|at\b)\w+(?:ed|en|t|ne)\b|\bmust be \w+(?:ed|en|t|ne)\b[^.;]{0,60}\b(?:without delay|immediately|at once|urgently|as soon as|first|before)\b": 0.62,
        r"^(?:start|sign|pay|admit|accept|disclose|agree to|commit to|give up|concede) (?:no|nothing|none|only)\b": 0.74,
    },
)
_CANCELLED = re.compile(
    r"\b(?:best|better|good) for (?:me|us)\b|\b(?:important|essential) to (?:note|remember|understand)\b|\b(?:previous|former|last|old|ancien|anciens|précédent)\s+(?:solicitor|lawyer|accountant|advis[eo]r|notaire|avocat|conseil|comptable)|\b(?:someone|somebody|he|she|they|on) (?:m'a |nous a |has |have |had )?(?:told|said|says|suggested|dit|affirme)\b|\byou should (?:\w+ly )?(?:receive|see|have (?:received|got|seen|an?|the|been)|expect|get|hear|know|find|feel free|be (?:able|receiving|getting|hearing|fine|proud|good|happy)|already|contact (?:me|us)|let (?:me|us))|shouldn't (?:be|take|have)|"
    r"\b(?:did|do|does|would) (?:not|n't) (?:recommend|advise|suggest)ed\b|should you (?:have|need|wish|require)|i suggest (?:we (?:meet|talk|speak|discuss|schedule))|please be advised|as (?:advised|suggested|recommended)|il faut (?:compter|environ)|comme (?:conseillé|recommandé)|je vous invite à (?:me|nous|consulter (?:notre|mon))|invitons à (?:nous|vous connecter)",
    re.IGNORECASE,
)
_OWN_BUSINESS = re.compile(
    r"\b(?:please|kindly|let (?:me|us) know|(?:send|call|tell|give) me|thanks|thank you|for me\b|get back to (?:me|us)|see you|i(?:'ll| will)|merci de|veuillez|dites-moi|rappelez-moi)\b|"
    r"^(?:log ?in|click|press|select|type|connectez|cliquez|sélectionnez|just \w+ing)\b|https?:",
    re.IGNORECASE,
)
_BY_OTHER = re.compile(
    r"\b(?:counsel|the (?:auditors?|lawyers?|accountants?|advis[eo]rs?|consultants?))\b", re.IGNORECASE
)
_OTHER_PRONOUN = re.compile(r"\b(?:il|elle|ils|elles|he|she|they|qui|who)\s+(?:\w+\s+)?$", re.IGNORECASE)
_FIRST = re.compile(r"\b(?:we|i|our|my|nous|je|j'|notre|nos|ma|mes|i'd|we'd)\b", re.IGNORECASE)


def find_advice(s: Sentence) -> Finding | None:
    """The recommendation in ``s``, or None."""
    if s.is_question or s.is_boilerplate or s.is_heading or s.contract:
        return None
    hit = best(_CUES, s.flat, s.lang, _CANCELLED)
    return None if hit is None else Finding(hit.confidence, _slots(s, hit.start, hit.end))


def hear_advice(s: Sentence, likely: float) -> Finding | None:
    """Advice that no pattern knows but the head believes; None for what the author asks or arranges for his own sake."""
    if _CANCELLED.search(s.flat) or _OWN_BUSINESS.search(s.flat):
        return None
    return Finding(likely, _slots(s, len(s.flat), len(s.flat)))


def _slots(s: Sentence, start: int, end: int) -> dict[str, object]:
    slots: dict[str, object] = {}
    cue = s.flat[start:end]
    if other := _BY_OTHER.search(cue):
        slots["by"] = other.group()
    elif _FIRST.search(cue):
        if s.author:
            slots["by"] = s.author
    elif s.author and not _OTHER_PRONOUN.search(s.flat[:start]):
        slots["by"] = s.author
    if len(s.context.recipients) == 1:
        slots["to"] = s.context.recipients[0]
    what = s.flat[end:] if end < len(s.flat) - 8 else s.flat
    slots["what"] = without_leading_pronouns(
        re.sub(r"^\s*(?:you |that |to |de |d'|que |à |:|-)+\s*", "", what, flags=re.IGNORECASE), s.lang
    )
    return slots
