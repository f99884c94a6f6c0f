"""French commitments: « je vous enverrai », « nous nous engageons à », « vous recevrez », « le Preneur s'oblige à ».

Each finder reads one way of promising; ``FINDERS`` is the order in which they are asked. A future is told from a
present in -rons by its ending and by the lists below.
"""

from __future__ import annotations

import re

from .lexicon import words
from .names import is_role, party_before, person_before
from .sentence import Finding, Sentence
from .undertaking import ahead, assigned, finding, reader, reported_before, supposed_at

_I = re.IGNORECASE
_PRONOUNS = r"(?:(?:vous|te|lui|leur|le|la|les|y|en|me|nous|se)\s+|[tlms]'\s*)*"
_FIRST = re.compile(
    rf"(?<![\w'-])(?P<who>je |j'|nous )(?P<pro>{_PRONOUNS})(?P<what>(?P<verb>[a-zà-ÿ]+(?:rai|rons))\b(?!-).*)",
    _I,
)
_NOT_FUTURE = words(
    "parlerons reparlerons parlerai reparlerai montrons démontrons rencontrons rentrons entrons concentrons enregistrons espérons considérons suggérons "
    "désirons assurons préparons livrons délivrons couvrons découvrons ouvrons offrons souffrons retirons "
    "tirons déclarons réitérons opérons gérons ignorons demeurons jurons mesurons intégrons célébrons "
    "admirons adorons déplorons attirons récupérons adhérons préférons différons référons conférons "
    "transférons procurons explorons améliorons élaborons collaborons éclairons honorons restaurons "
    "illustrons administrons encadrons serai serons aurai aurons pourrai pourrons verrai verrons saurai "
    "saurons voudrai voudrons resterai resterons demeurerai demeurerons aimerai aimerons regretterai noterons "
    "noterai constaterons comprendrons comprendrai devrai attendrai attendrons recevrai recevrons "
    "rappellerons trouverai trouverons "
)
_STATE_ACT = re.compile(
    r"^(?:serai|serons)\s+(?:en mesure de|à même de|présente?s?\b|ravie?s? de|heureu(?:x|ses?) de)", _I
)
_NEAR = re.compile(
    rf"(?<![\w'-])(?P<who>je |j'|nous |on )(?P<pro>{_PRONOUNS})(?:vais|allons|va)\s+(?!être|avoir|voir|devoir|pouvoir|savoir)(?P<what>{_PRONOUNS}[a-zà-ÿ]+(?:er|ir|re|oir)\b.*)",
    _I,
)
_PLEDGE = re.compile(
    r"(?<![\w'-])(?:(?P<who>je |j'|nous )(?:vous )?(?P<verb>m'engage|nous engageons|me suis engagée?|nous sommes engagée?s|m'oblige|nous obligeons|promets|promettons|garantis|garantissons|"
    r"(?:prends|prenons) l'engagement|ai pris l'engagement|avons pris l'engagement|accepte|acceptons|me charge|nous chargeons|m'occupe|nous occupons|m'en charge|m'en occupe|nous en chargeons|nous en occupons)|(?P<on>on s'en (?:charge|occupe)))\b\s*(?:(?:à|de|d'|que)\s*)?(?P<what>.*)",
    _I,
)
_READER = re.compile(
    r"\b(?P<who>vous)\s+(?:vous engagez|vous obligez|vous êtes engagée?s?)\s+(?:expressément |également )?(?:à|d')\s*(?P<what>.+)",
    _I,
)
_DELIVERED = re.compile(
    r"\bvous (?P<what>(?:recevrez|aurez|disposerez d)[^.;]{2,120})|"
    r"\b(?:le|la|les|l'|votre|vos|notre|nos|mon|ma|mes|un|une|ce|cette|ces)(?=\W)[^,;.]{2,70}\s(?P<what2>(?:vous |te )?(?:parviendr(?:a|ont)|(?:ser(?:a|ont)) (?:\w+ment )?(?:adressée?s?|envoyée?s?|transmise?s?|remise?s?|déposée?s?|livrée?s?|prête?s?|finalisée?s?|diffusée?s?|communiquée?s?|réglée?s?|payée?s?|versée?s?|signifiée?s?|restituée?s?|remboursée?s?|établie?s?|mise?s? en (?:ligne|service)|rétablie?s?|opérationnelle?s?|achevée?s?|terminée?s?|rendue?s?|fournie?s?|effectuée?s?|réparée?s?|disponibles?))\b[^.;]*)",
    _I,
)
_LEAVE = re.compile(
    r"\b(?P<what>comptez sur (?:moi|nous)\b[^.;]*|vous pouvez compter sur (?:moi|nous)\b[^.;]*|vous avez ma parole\b[^.;]*|(?:c'est promis|promis)\b[^.;]*|je m'y engage\b[^.;]*)",
    _I,
)
_CHARGED = re.compile(
    r"\b(?:est|sont|sera|a été)\s+(?:chargée?s?|responsables?|mandatée?s?)\s+(?:de|d')\s*(?P<what>.+)|\b(?:se charge(?:ra)?|s'occupe(?:ra)?|prend(?:ra)? l'engagement|promet|s'est chargée?|a promis|a accepté|accepte)\s+(?:de|d')\s*(?P<what2>.+)|"
    r"\b(?:doit|devra|doivent|va|vont)\s+(?P<what3>(?:nous |vous |lui |leur |le |la |les |l')?(?:envoyer|transmettre|adresser|remettre|déposer|préparer|rédiger|relancer|contacter|appeler|vérifier|finaliser|fournir|produire|régler|payer|signer|communiquer|établir|organiser|diffuser|rappeler|confirmer|prévenir|informer|présenter|compléter|mettre à jour|prendre contact|revenir vers)\b.*)",
    _I,
)
_INCUMBENT = re.compile(
    r"\b(?:il (?:incombe|appartient|appartiendra|incombera|revient)|à charge|à la charge)\s+(?:pour le|pour la|pour l'|au|à la|à l'|aux|du|de la|de l')\s*(?P<who>[A-ZÀ-Ý][\wÀ-ÿ-]*)\s+(?:de|d')\s*(?P<what>.+)"
)
_PRESENT = re.compile(
    rf"(?<![\w'-])(?P<who>je |j'|nous |on )(?P<pro>{_PRONOUNS})(?P<what>(?P<verb>[a-zà-ÿ]+(?:e|s|ds|ts|ons))\b.*)",
    _I,
)
_NO_ACT_PRESENT = words(
    "suis sommes mets mettons viens venons parle parlons rappelle rappelons reçois recevons accuse accusons ai avons ais pense pensons crois croyons espère espérons souhaite souhaitons aimerais "
    "aimerions voudrais voudrions peux pouvons puis dois devons sais savons vois voyons comprends comprenons "
    "constate constatons note notons attends attendons pars partons serais serions pourrais pourrions devrais "
    "devrions vous nous propose proposons compte comptons préfère préférons veux voulons pas recommande "
    "recommandons conseille conseillons suggère suggérons remercie remercions prie prions demande demandons "
    "invite invitons rappelle-toi étais étions avais avions ne les des plus y ignore ignorons reste restons "
    "quitte rentre arrive "
)
_OBLIGED = re.compile(
    r"\b(?:s'engage(?:nt)?(?:\s+(?:expressément|irrévocablement|solidairement|également|par ailleurs|en outre|à son tour))*\s+(?:à|d'ores et déjà à)|s'oblige(?:nt)?(?:\s+\w+ment)?\s+à|s'est engagée?\s+à|se sont engagée?s\s+à|(?:est|sont|sera|seront)\s+(?:tenue?s?|obligée?s?)\s+(?:de|d'|à)|"
    r"(?P<not>s'interdi(?:t|sent)(?:\s+\w+ment)?\s+(?:de|d'))|(?:devra|devront|doit|doivent)(?P<adv>\s+(?:également|aussi|en outre|notamment|impérativement|obligatoirement))?|prend(?:ra)?\s+(?:en charge|à sa charge)|(?:a|aura)\s+(?:pour obligation|l'obligation)\s+de|fera son affaire)\s*(?P<what>.+)",
    _I,
)
_FUTURE3 = re.compile(
    rf"(?<![\w'-])(?P<pro>{_PRONOUNS})(?P<what>(?P<verb>[a-zà-ÿ]{{2,}}(?:era|ira|dra|tra|vra|rra|lura|eront|iront|dront|tront|vront|rront))\b.*)",
    _I,
)
_NOT_ACT3 = words(
    "sera seront aura auront pourra pourront devra devront faudra vaudra verra verront restera resteront "
    "prendra-effet résultera courra commencera continuera entraînera constituera demeurera s'appliquera "
    "appliquera contra extra ultra opéra caméra recevra recevront permettra permettront deviendra deviendront "
    "entrera expirera cessera durera prévaudra appartiendra donnera prendra subsistera trouvera trouveront "
    "existera conviendra interviendra s'entendra comprendra comprendront "
)
_MAY_NOT = re.compile(
    r"\bne\s+(?:pourra|pourront|peut|peuvent|devra|devront|doit|doivent)\s+(?:pas\s+|en aucun cas\s+|ni\s+)?(?!être|avoir)(?P<what>[a-zà-ÿ]+(?:er|ir|re|oir)\b.*)",
    _I,
)
_PASSIVE_DUTY = re.compile(
    r"\b(?:sera|seront|devra être|devront être|doit être|doivent être)\s+(?P<what>(?:\w+ment\s+)?(?:payée?s?|réglée?s?|versée?s?|remise?s?|restituée?s?|livrée?s?|adressée?s?|transmise?s?|notifiée?s?|communiquée?s?|déposée?s?|remboursée?s?|acquittée?s?|fournie?s?)\b.*)",
    _I,
)

_ACTION = re.compile(
    r"^(?:actions?|à faire|suivi|tâche|point d'action|prochaines? étapes?)\b\s*(?:\d+\s*)?(?:\((?P<paren>[^)]{2,40})\))?\s*[:–—-]\s*(?P<what>.{8,})",
    _I,
)

_ACTION_OWNER = re.compile(
    r"(?P<who>(?:M\.|Mme|Me|Maître)?\s*[A-ZÀ-Ý][\wÀ-ÿ-]+(?: [A-ZÀ-Ý][\wÀ-ÿ-]+)?)\s*(?:[:–—-]|doit|à)\s+(?P<what>.+)"
)

_NEGATED = re.compile(r"\b(?:ne|n')\s*(?:\w+\s+){0,4}$", _I)
_STILL_NEGATED = re.compile(r"[^,;]{0,40}\b(?:pas|jamais)\b")
_RENOUNCES = re.compile(
    r"\b(?P<what>(?:renonce(?:nt)? à|convien(?:t|nent) de|garanti(?:t|ssent)|consent(?:ent)? à|acceptent? de)\b.+)",
    _I,
)
_AGENT = re.compile(r"\bpar (?:le |la |l'|les )?([A-ZÀ-Ý][\w'-]*)")
_NO_DUTY = re.compile(r"(?:être|pas|ni|avoir|pouvoir)\b", _I)


def _future(s: Sentence) -> Finding | None:
    for m in _FIRST.finditer(s.flat):
        state = m["verb"].lower() in _NOT_FUTURE and not _STATE_ACT.match(m["what"])
        if not state and not supposed_at(s, m.start()):
            return finding(s, 0.86, s.author, m["what"], m.start("what"))
    near = _NEAR.search(s.flat)
    if near and not supposed_at(s, near.start()):
        return finding(s, 0.8, s.author, near["what"], near.start("what"))
    return None


def _pledge(s: Sentence) -> Finding | None:
    if (
        (m := _PLEDGE.search(s.flat))
        and not _NEGATED.search(s.flat[: m.start()])
        and not supposed_at(s, m.start())
    ):
        soft = m["verb"] and m["verb"].lower().startswith("accept")
        return finding(s, 0.6 if soft else 0.92, s.author, m["what"] or m.group(), m.start("what"))
    if m := _READER.search(s.flat):
        return finding(s, 0.8, reader(s), m["what"], m.start("what"))
    if m := _LEAVE.search(s.flat):
        return finding(s, 0.7, s.author, m["what"], m.start("what"))
    return None


def _dated(s: Sentence) -> Finding | None:
    """Promises only because a day is named."""
    result = _DELIVERED.search(s.flat)
    if result and not s.contract and ahead(s, 0) and not supposed_at(s, result.start()):
        return finding(s, 0.68, s.author, result["what"] or result["what2"], result.start())
    for m in _PRESENT.finditer(s.flat):
        if (
            m["verb"].lower() in _NO_ACT_PRESENT
            or _STILL_NEGATED.match(m["what"])
            or supposed_at(s, m.start())
        ):
            continue
        if ahead(s, m.start()):
            return finding(s, 0.72, s.author, m["what"], m.start("what"))
    return None


def _obliged(s: Sentence) -> Finding | None:
    text = s.flat
    for m in _OBLIGED.finditer(text):
        party = party_before(text, m.start(), s.lang) or person_before(text, m.start(), s.lang)
        modal = m.group().lower().startswith(("doi", "dev"))
        if not party or _NEGATED.search(text[: m.start()]) or _NO_DUTY.match(m["what"]):
            continue
        if (modal and not s.contract and not is_role(party)) or reported_before(s, m.start()):
            continue
        what = f"ne pas {m['what']}" if m["not"] else m["what"]
        return finding(s, 0.75 if modal else 0.9, party, what, m.start("what"))
    return None


def _party(s: Sentence) -> Finding | None:
    text = s.flat
    for pattern, confidence in ((_MAY_NOT, 0.76), (_RENOUNCES, 0.7)):
        term = pattern.search(text)
        if term and (party := _bound(s, term.start())):
            what = f"ne pas {term['what']}" if pattern is _MAY_NOT else term["what"]
            return finding(s, confidence, party, what, term.start("what"))
    for m in _FUTURE3.finditer(text):
        verb = m["verb"]
        if not verb.islower() or verb in _NOT_ACT3 or _NEGATED.search(text[: m.start()]):
            continue
        if party := _bound(s, m.start()):
            return finding(s, 0.72, party, m["what"], m.start("what"))
        person = person_before(text, m.start(), s.lang)
        if person and not reported_before(s, m.start()):
            return finding(s, 0.66, person, m["what"], m.start("what"))
    if s.contract and (duty := _PASSIVE_DUTY.search(text)):
        agent = _AGENT.search(duty["what"])
        return finding(s, 0.6, agent.group(1) if agent else "", duty["what"], duty.start("what"))
    return None


def _bound(s: Sentence, at: int) -> str:
    """The party before ``at`` that a clause binds: any party in a contract, a written-out role elsewhere."""
    party = party_before(s.flat, at, s.lang)
    return party if s.contract or is_role(party) else ""


def _action_point(s: Sentence) -> Finding | None:
    m = _ACTION.match(s.flat)
    if m is None:
        return None
    who, what = m["paren"] or "", m["what"]
    if not who and (owner := _ACTION_OWNER.match(what)):
        who, what = owner["who"], owner["what"]
    return finding(s, 0.85, who, what, m.start("what"))


def _named(s: Sentence) -> Finding | None:
    text = s.flat
    if m := _INCUMBENT.search(text):
        return finding(s, 0.76, m["who"], m["what"], m.start("what"))
    for m in _CHARGED.finditer(text):
        person = person_before(text, m.start(), s.lang)
        if person and not reported_before(s, m.start()) and not _NEGATED.search(text[: m.start()]):
            return finding(s, 0.68, person, m["what"] or m["what2"] or m["what3"], m.start())
    return None


FINDERS = (_action_point, assigned, _pledge, _future, _obliged, _party, _named, _dated)
