"""Claims: assertions of fact that somebody could check, with a figure, a date or an event done.

Not claims: what shall or will be, what is asked, supposed or advised, headers, tables and contract terms.
"""

from __future__ import annotations

import re

from .sentence import Finding, Sentence
from .slots import without_leading_pronouns
from .values import WORDS, Value, plain, values

_DONE_EN = (
    r"(?:paid|sent|signed|filed|received|delivered|completed|issued|served|executed|registered|terminated|renewed|submitted|returned|settled|"
    r"transferred|invoiced|dismissed|granted|closed|lodged|reimbursed|credited|posted|incorporated|notified|expired|cancelled|canceled|shipped|"
    r"dispatched|refunded|booked|reconciled|carried out|performed|produced|disclosed|breached|audited|recorded|overpaid|underpaid|handed over)"
)
_DONE_FR = (
    r"(?:payée?s?|réglée?s?|envoyée?s?|signée?s?|déposée?s?|reçue?s?|livrée?s?|émise?s?|notifiée?s?|enregistrée?s?|résiliée?s?|renouvelée?s?|transmise?s?|"
    r"restituée?s?|versée?s?|facturée?s?|clôturée?s?|remboursée?s?|immatriculée?s?|expirée?s?|acquittée?s?|encaissée?s?|virée?s?|soldée?s?|prélevée?s?|"
    r"délivrée?s?|publiée?s?|déclarée?s?|comptabilisée?s?|annulée?s?|remise?s?|adressée?s?|honorée?s?|réalisée?s?|effectuée?s?|produite?s?|"
    r"communiquée?s?|fixée?s?|établie?s?|achevée?s?|terminée?s?|faites?|accordée?s?|perçue?s?|omise?s?)"
)
_ADVERBS_EN = r"(?:already |duly |now |yet |also |just |only |fully |been |since |finally |still |properly |ever |never |all |recently |promptly )*"
_ADVERBS_FR = r"(?:déjà |bien |dûment |également |donc |enfin |intégralement |encore |finalement |été |toujours |tous |pas |jamais |plus |tout )*"
_EVENT = {
    "en": (
        # Passive and perfect with a named subject: "the invoice has been paid".
        re.compile(rf"\b(?P<subject>(?:[Tt]he|[Tt]h(?:is|at|ese|ose)|[Yy]our|[Oo]ur|[Mm]y|[Tt]heir|[Hh]is|[Hh]er|[Ii]ts|[Aa]ll|[Bb]oth|[Nn]o|[A-Z])[^,;:]{{2,90}}?)\s+(?P<verb>(?:has|have|had|was|were)(?:n't|\s+not|\s+never)?\s+{_ADVERBS_EN}{_DONE_EN})\b(?! (?:to|by \d))"),
        # The author's own act: "I filed the bundle yesterday and paid the court fee".
        re.compile(rf"\b(?P<subject>I|[Ww]e)(?:'ve| have| had)?\s+(?P<verb>{_ADVERBS_EN}(?:{_DONE_EN}|met|spoke|wrote|called|visited|agreed the price|bought|sold))\b"),
    ),
    "fr": (
        re.compile(rf"(?P<subject>(?:\b[Ll]es?\s|\b[Ll]a\s|\b[Ll]'|\b[Vv]otre\s|\b[Nn]otre\s|\b[Vv]os\s|\b[Nn]os\s|\b[Cc]et?(?:te)?\s|\b[Cc]es\s|\b[Ss]on\s|\b[Ss]a\s|\b[Ll]eurs?\s|\b[Aa]ucune?\s|[A-ZÀ-Ý])[^,;:]{{2,90}}?)\s+(?P<verb>(?:ne\s+)?(?:n')?(?:a|ont|avait|avaient|est|sont)\s{_ADVERBS_FR}{_DONE_FR})\b(?! (?:de|d'|par) (?:ne|payer))"),
        re.compile(rf"(?P<subject>\b[Jj]'|\b[Jj]e |\b[Nn]ous )(?P<verb>(?:n')?(?:ai|avons)\s{_ADVERBS_FR}(?:{_DONE_FR}|rencontré|écrit|appelé|visité|vendu|acheté))\b"),
    ),
}  # fmt: skip
_STATES = {
    "en": re.compile(
        r"\b(?:is|are|was|were|has|have|had|stands? at|stood at|amount(?:s|ed)? to|totals?|totall?ed|c(?:a|o)mes? to|reach(?:es|ed)|equals?|represents?|represented|costs?|rises?|rose|falls?|fell|increase[sd]|"
        r"decrease[sd]|grew|dropped|pays?|paid|received|invoiced|owes?|owed|billed|sold|bought|purchased|employs?|earned|lost|signed|filed|sent|delivered|expires?|expired|dates? (?:from|back)|"
        r"began|started|ended|took place|exceeds?|exceeded|remains?|generated|recorded|reported|charged|transferred|weighs?|makes? up|accounts? for|employs?|employ|went|runs?|ran|made|makes|shows?|showed|covers?|runs? (?:from|until|to)|left|joined|moved)\b",
        re.IGNORECASE,
    ),
    "fr": re.compile(
        r"\b(?:est|sont|était|étaient|ai|a|ont|avait|avaient|avons|s'élèv(?:e|ent|ait)|s'est élevée?|se monte(?:nt)?|se chiffre|représent(?:e|ent|ait)|attei(?:nt|gnent|gnait)|total(?:ise|isent)|ressort(?:ent)?|coûte(?:nt)?|"
        r"augmente|diminue|emploie|compte|comporte|comprend|doit|reste|restent|porte sur|expire|arrive à échéance|date(?:nt)? d|dépasse|excède|figure|présente|affiche|enregistre|accuse|pèse(?:nt)?|employez|employons|exploite|gagne|verse|facture|vend|produit|touche|tient|occupe|passe|baisse|couvre|court|dure|perçoit|possède|détient|remonte)\b",
        re.IGNORECASE,
    ),
}
_NOT_FACT = re.compile(
    r"\b(?:will|shall|would|could|might|may|should|must|ha(?:s|ve) to|if|unless|whether|please|let's|let me|recommend|advise|suggest|propose|expect|hope|plan to|want|need to|intend|going to|"
    r"si|s'il|veuillez|merci de|recommand\w+|conseill\w+|suggér\w+|propos\w+|souhait\w+|espér\w+|envisag\w+|convient de|doit être|doivent|s'engage\w*|s'oblige\w*)\b|"
    r"\b(?!frais|vrai|essai|extrait|retrait|portrait|attrait|front|narrai|délai|durera-)\w+(?:rai|rons|rez|rais|rait|raient|ront)\b|\b(?:sera|aura|fera|pourra|devra|faudra|\w{3,}(?:era|ira))\b(?! )?",
    re.IGNORECASE,
)
_TRIVIAL = re.compile(
    r"\b(?:(?:received|got) your (?:e-?mail|message|letter|note)|reçu votre|sent you an? e-?mail|attached|ci-joint|for your (?:information|reference)|as discussed|left (?:you )?a (?:message|voicemail)|page \d+ (?:of|sur)|"
    r"tel\b|phone|fax|copyright|séance est (?:levée|ouverte)|meeting (?:was )?(?:closed|opened|adjourned)|exemplaires originaux|in duplicate|no further business|ordre du jour|pris connaissance|we have reviewed|nous avons (?:bien )?(?:reçu|examiné))\b|"
    r"^(?:on|le) .{0,60}(?:wrote|écrit)",
    re.IGNORECASE,
)
_SINCE = re.compile(
    r"\b(?:since|depuis)\s+(?:\d{4}|le\b|the\b|\d|hier|yesterday|last|jan|feb|f[ée]v|mar|avr|apr|ma[iy]|ju[in]|juil|a[ou]|sept|oct|nov|d[ée]c|\w+ (?:ans|mois|semaines|jours|years|months|weeks|days))",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"(?:so |and |but |mais |et )?(?:it|they|he|she|this|that|these|all of this|there|which|il|elle|ils|elles|on|ce|cela|ça|c')$",
    re.IGNORECASE,
)
_COUNT = re.compile(
    rf"(?<![\w,./-])(?:\d{{1,6}}|{'|'.join(w for w in WORDS if WORDS[w] > 1)})(?![\w,./-])", re.IGNORECASE
)
_DETERMINER = re.compile(
    r"^(?:(?:the|our|your|my|their|his|her|its|this|that|le|la|les|nos|notre|vos|votre|mon|ma|mes|son|sa|ses|leurs?|cette|cet|ce|ces)\s+|l')+",
    re.IGNORECASE,
)


def find_claim(s: Sentence) -> Finding | None:
    """The checkable assertion that ``s`` makes, or None."""
    text = s.flat
    if s.is_question or s.is_boilerplate or s.is_heading or _NOT_FACT.search(text) or _TRIVIAL.search(text):
        return None
    lang = "fr" if s.lang == "fr" else "en"
    figures = values(text)
    days = [d for d in s.dates if d.value and any(c.isdigit() for c in d.text)]
    event = next((m for p in _EVENT[lang] if (m := p.search(text))), None)
    state = _STATES[lang].search(text)
    # "since 2021", "depuis hier", "yesterday": a day gone by makes a statement checkable as a figure does.
    days += [d for d in s.dates if d.value and s.context.written_at and d.value < s.context.written_at.date()]
    since = _SINCE.search(text)
    if s.contract and not any(v.unit.isupper() for v in figures):
        return None
    if not event and not (state and (figures or days or since)):
        return None
    subject = event["subject"] if event else text[: state.start()] if state else ""
    slots = _slots(s, subject, figures, event)
    strong = any(v.unit.isupper() for v in figures) or bool(event and (figures or s.dates))
    return Finding(0.8 if strong else 0.7 if event or figures else 0.62, slots)


def hear_claim(s: Sentence, likely: float) -> Finding:
    """A claim that no pattern knows but the head believes; its subject is unknown."""
    return Finding(likely, _slots(s, "", values(s.flat), None))


def _slots(s: Sentence, subject: str, figures: list[Value], event: re.Match[str] | None) -> dict[str, object]:
    slots: dict[str, object] = {}
    subject = _DETERMINER.sub("", without_leading_pronouns(subject, ""))
    if subject.lower() in {"i", "we", "je", "j'", "nous"}:
        subject = s.author
    # A pronoun names nobody outside its text.
    if subject and not _PRONOUN.match(subject):
        slots["subject"] = subject
    money = [v for v in figures if v.unit.isupper()] or figures
    day = next((d.value for d in s.dates if d.value), None)
    if money:
        slots |= {"value": plain(money[0].number), "unit": money[0].unit}
    elif day:
        slots |= {"value": day.isoformat(), "unit": "date"}
    elif event and (count := _COUNT.search(s.flat)):
        slots["value"] = str(WORDS.get(count.group().lower(), count.group()))
    elif event:
        slots["value"] = s.text[event.start("verb") : event.end("verb")]
    return slots
