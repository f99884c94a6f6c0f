"""Decisions: something was settled, by whom it says, with the words of the settlement.

Not decisions: what is still to be decided, might be, was not, or is asked.
"""

from __future__ import annotations

import re

from .cues import best, table
from .names import party_before, person_before
from .sentence import Finding, Sentence
from .slots import without_leading_pronouns

_BODY_EN = r"(?:board|committee|partners?|shareholders?|directors?|management|members|meeting|team|group|court|tribunal|judge|council|client|company|parties|panel|arbitrator|board of directors|general meeting)"
_BODY_FR = r"(?:assemblée(?: générale)?(?: (?:ordinaire|extraordinaire|mixte))?|conseil(?: d'administration| de surveillance)?|comité(?: (?:exécutif|social|technique|de direction|de pilotage|d'audit))?|directoire|associé(?:s|e unique| unique)?|actionnaires|direction|bureau|tribunal|cour|juge|client|cliente|société|parties|gérante?|président|équipe)"
_CUES = table(
    fr={
        rf"\b(?:l'|le |la |les |l')?{_BODY_FR}\b,?[^.;]{{0,90}}?\b(?:a |ont |avait |avaient )?(?:à l'unanimité |unanimement |également |finalement |ainsi )?(?:décid(?:e|ent|é|ée)|approuv(?:e|ent|é)|adopt(?:e|ent|é)|valid(?:e|ent|é)|arrêt(?:e|ent|é)|tranché|ratifi(?:e|ent|é)|retenu|acté|entériné|rejet(?:te|tent|é)|désign(?:e|ent|é)|nomm(?:e|ent|é)|autoris(?:e|ent|é)|agréé?e?)\b": 0.82,
        r"\bil (?:a été |est |avait été )(?:ainsi |donc |finalement |également |d'un commun accord |expressément |par ailleurs |enfin |alors )?(?:décidé|convenu|arrêté|acté|retenu|entendu|résolu|validé)\b": 0.88,
        r"\b(?:nous avons|j'ai|on a|nous avions|ils ont|elles ont|elle a|il a)\s+(?:\w+ment |donc |tous |ensemble |conjointement )?(?:décidé|convenu|retenu|opté|choisi|tranché|arrêté|validé|acté|résolu|approuvé|renoncé)\b": 0.84,
        r"\b(?:nous décidons|je décide|nous retenons|je retiens|nous optons|j'opte|nous validons|je valide|nous renonçons|je renonce|nous arrêtons|nous choisissons|nous actons|je donne mon accord|nous donnons notre accord|bon pour accord)\b": 0.8,
        r"^(?:décisions?|résolutions?|relevé de décisions?|acté|décidé)\b[^:–—]{0,30}\s*[:–—-]\s*(?=\S.{8})": 0.86,
        r"\b(?:la |cette |les )(?:\w+ )?(?:résolutions?|propositions?|options?|motions?|devis|budgets?|comptes|offres?|nominations?|cessions?)[^.;]{0,80}\b(?:est|sont|a été|ont été)\s+(?:\w+ment |donc |à l'unanimité )?(?:adoptée?s?|approuvée?s?|validée?s?|retenue?s?|acceptée?s?|rejetée?s?|votée?s?)\b": 0.85,
        r"\b(?:la|notre|ma|leur) décision (?:finale |définitive )?(?:est|a été) (?:prise|de|d'|arrêtée)": 0.82,
        r"\b(?:a|ont|avons|ai) pris la décision\b|\bdécision (?:a été )?prise (?:de|d'|par|lors|en)": 0.86,
        r"\b(?:le principe|le choix|l'option|la solution|le report|le calendrier|la date)[^.;]{0,60}\b(?:est|a été|sont|ont été)\s+(?:\w+ment |donc )?(?:retenue?|validée?|acté?e?|arrêtée?|fixée?|choisie?|approuvée?|acceptée?|adoptée?)s?\b": 0.78,
        r"^(?:l'|le |la |les |cette |ce |ces |sa |son |leurs? )[^,;.]{3,80} (?:est|sont|a été|ont été) (?:\w+ment |donc |ainsi |à l'unanimité )?(?:écartée?s?|rejetée?s?|adoptée?s?|approuvée?s?|validée?s?|entérinée?s?|ratifiée?s?|nommée?s?|désignée?s?|renouvelée?s? (?:pour|dans)|reconduite?s?|révoquée?s?|votée?s?|retenue?s?|attribuée?s?)\b": 0.74,
        r"\b(?:c'est (?:validé|décidé|acté|entendu|arrêté|tranché)|on part sur|nous partons sur|c'est d'accord pour|feu vert (?:pour|à))\b": 0.8,
        r"\b(?:les parties|nous) (?:sont|sommes) (?:tombé(?:e?s)|parvenu(?:e?s)|arrivé(?:e?s)) (?:à un |d')accord\b|\bsommes (?:tous )?d'accord pour\b": 0.7,
        r"\b(?:le|notre|leur|son) choix s'est (?:finalement )?portée? sur|\ba (?:finalement )?été préférée?\b|\bdonne (?:quitus|mandat|pouvoir|tous pouvoirs)\b|\bquitus (?:est|a été) donné\b|\best donné (?:quitus|pouvoir|mandat)\b": 0.82,
        r"\b(?:la (?:cour|juridiction)|le (?:tribunal|conseil de prud'hommes|juge)[^,;.]{0,40}) (?:a )?(?:débout|condamn|infirm|confirm|ordonn|prononc|rejet|annul|fait droit|homologu|jug)\w*": 0.8,
        r"\b(?:nous ne (?:donnerons|donnons) pas suite|nous abandonnons|(?:est|a été|sont) (?:finalement |définitivement |donc )?(?:abandonnée?s?|maintenue?s?|confirmée?s?|reconduite?s?|gelée?s?|suspendue?s?|arbitrée?s?) (?:\w+ ){0,3}(?:jusqu|pour|par|en|à|au))\b": 0.68,
        r"\b(?:accord unanime|à l'unanimité|à la majorité|par \w+ voix contre|après (?:délibération|vote|en avoir délibéré|arbitrage|discussion|échange))\b[^;]{0,120}\b(?:décid|adopt|approuv|retien|retenu|rejet|valid|vot|affect|nomm|désign|fix|report|confi|autoris|renonc|accord)\w*": 0.82,
        r"\b(?:M\.|Mme|Me|Maître|Monsieur|Madame) [A-ZÀ-Ý][\wÀ-ÿ-]+ (?:est|a été) (?:nommée?|désignée?|élue?|mandatée?|confirmée? dans|reconduite?|révoquée?)": 0.78,
        r"\b(?:la|les|le) (?:bénéfice|résultat|dividende|perte)s?[^,;.]{0,50} (?:est|sont|sera|a été) (?:intégralement )?(?:affectée?s?|distribuée?s?|fixée?s?|imputée?s?)": 0.78,
        r"\b(?:le client|la cliente|l'associée? unique|la direction|M\. [A-Z]\w+|Mme [A-Z]\w+) (?:a |ont )?(?:finalement |ainsi |donc )?(?:opté|tranché|préféré|choisi|renoncé|retenu|arbitré|donné son (?:accord|feu vert)|confirmé son (?:choix|accord))\b": 0.78,
        r"\b(?:mon|notre|le) choix est (?:fait|arrêté|clair)|\b(?:a|ont|avons|ai) pris le parti de\b|\b(?:nous suivrons|nous suivons|nous prendrons|nous empruntons) (?:donc |ainsi )?(?:la voie|la piste|l'option|la recommandation|le scénario)": 0.82,
        r"^(?:accord|ok|feu vert|go|d'accord|validé|approuvé) (?:de principe |donné |unanime )?(?:pour|sur)\b": 0.78,
        r"\b(?:la commission|le jury|la chambre|le bureau|le maire|la ville|l'administration|la préfecture|l'inspection|la caisse|la banque|le syndicat|le conseil municipal)\b[^,;.]{0,30} (?:a )?(?:attribu|refus|accord|accept|rejet|déclar|retir|suspen|autoris|valid|classe)\w*": 0.74,
        r"\b(?:est|sont|a été|ont été) (?:déclarée?s? (?:sans suite|infructueu\w+|irrecevables?)|suspendue?s?|retirée?s?|refusée?s?|accordée?s?|attribuée?s? à|confiée?s? à|repoussée?s? (?:au|à)|fixée?s? au|abandonnée?s?|levée?s? à compter)\b": 0.68,
        r"^(?:à compter|à partir) d[eu][^,]{3,30}, [^.;]{3,80}\b(?:est|sont|sera|seront) (?:limitée?s?|portée?s?|réduite?s?|supprimée?s?|interdite?s?|autorisée?s?|obligatoires?|ramenée?s?|applicable?s?|soumise?s?)\b": 0.72,
    },
    en={
        rf"\b(?:the |our |your |their )?{_BODY_EN}\b[^.;]{{0,70}}?\b(?:(?:has|have|had) )?(?:unanimously |also |formally |hereby |finally |therefore )*(?:decided|decides|resolved|resolves|approved|approves|adopted|adopts|agreed (?:to|that|on|upon|not)|voted|ruled|elected|chose|chosen|selected|ratified|endorsed|appointed|signed off|rejected|authori[sz]e[sd]?|declined|refused|confirmed the appointment)\b": 0.8,
        r"\bit (?:was|is|has been|had been)\s+(?:also |therefore |then |hereby |unanimously |further |subsequently |finally )*(?:decided|agreed|resolved|determined|concluded)\b": 0.88,
        r"\b(?:we|i)(?:'ve| have|'d| had)?\s+(?:all |both |also |now |finally |therefore |jointly |already |just )*(?:decided|agreed (?:to|that|on|upon|not)|resolved to|chosen|opted|settled on|voted|elected to|approved|selected|rejected)\b": 0.83,
        r"^(?:decisions?|resolutions?|resolved|decided|agreed)\b[^:–—]{0,30}\s*[:–—-]\s*(?=\S.{8})|^(?:be it )?resolved,? that\b|\bit is hereby resolved\b": 0.86,
        r"\b(?:the |this |that |both )(?:\w+ ){0,3}(?:resolution|motion|proposal|budget|option|offer|plan|settlement|appointment|accounts|amendment|quote|request)s?\b[^.;]{0,60}\b(?:was|were|has been|have been|is|are)\s+(?:\w+ly |duly )?(?:adopted|approved|carried|accepted|passed|rejected|selected|chosen|retained|declined)\b": 0.84,
        r"\b(?:we(?:'ll| will|'re| are)|let's|i(?:'ll|'m| am))\s+(?:going to )?(?:go|going|proceed|proceeding|move|moving)\s+(?:ahead |forward )?with\b": 0.72,
        r"\b(?:the|our|my|their) (?:final )?decision (?:is|was|has been) (?:made|taken|to|that|not|final)\b|\b(?:made|taken|took|reached) (?:the|a) (?:final )?decision (?:to|that|not|on)\b": 0.84,
        r"\b(?:he|she|they|[A-Z][a-z]+) (?:has |have )?(?:decided|resolved|opted|elected) (?:to|that|not|against|for)\b": 0.72,
        r"^(?:the|this|that|his|her|their|all|both) [^,;.]{3,80} (?:was|were|is|are|has been|have been) (?:\w+ly |duly |also )?(?:rejected|adopted|approved|carried|ratified|appointed|elected|re-elected|re-appointed|dismissed by the board|turned down|voted down|passed|renewed for)\b|\b(?:the )?motion (?:failed|carried|passed|was lost)\b": 0.74,
        r"\b(?:we go with|(?:it's|all) (?:signed off|approved|agreed|settled)|signed off:|go-ahead (?:is )?(?:given|for)|we(?:'re| are) going (?:with|ahead)|green light (?:for|to))\b": 0.78,
        r"\b(?:[A-Z][a-z]+|he|she) (?:\w+ )?(?:authorised|authorized|approved|granted permission)\b(?= (?:the|a|his|her|our))": 0.66,
        r"\bthe parties (?:have )?(?:agreed|settled)\b": 0.78,
        r"\b(?:the )?choice (?:fell on|went to|is)\b|\b(?:approval|consent|permission|clearance|the go-ahead|the green light) (?:was|has been|is) (?:given|granted|obtained)\b|\b(?:gave|given|giving) (?:us |the )?(?:the )?(?:go-ahead|green light|approval)\b": 0.8,
        r"\b(?:the )?(?:court|tribunal|judge|arbitrator|high court|court of appeal)\b[^,;.]{0,30} (?:has )?(?:ordered|held|granted|dismissed|allowed|found (?:for|that|in)|awarded|struck out|ruled|refused)\b|\b(?:appeal|application|claim|petition) (?:is|was) (?:dismissed|allowed|granted|refused|struck out)\b|\bit is (?:hereby )?ordered that\b": 0.8,
        r"\b(?:we(?:'re| are)|i'm|i am) (?:not )?(?:proceeding|going|sticking|keeping|dropping|settling|sticking to|abandoning|closing|moving) (?:with|ahead|for)\b": 0.66,
        r"\b(?:has|have|was|were|is|are) (?:now |been |finally |formally |therefore )*(?:dropped|shelved|postponed (?:to|until)|deferred until|put on hold|called off|signed off|green-?lit|ratified|appointed (?:as|to|chair)|re-?elected|confirmed as|abandoned|moved to (?=\d|mon|tues|wed|thur|fri|jan|feb|mar|apr|may|june|july|aug|sep|oct|nov|dec))": 0.68,
        r"\b(?:carried|adopted|approved|passed|agreed) (?:unanimously|nem con|by (?:\w+ )?(?:votes?|a majority|show of hands))\b|\bby (?:\w+) votes? to \w+\b|\bunanimous(?:ly)? (?:decision|vote|agreed|approved|resolved)\b": 0.84,
        r"\b(?:the )?client (?:has |have )?(?:instructed|confirmed|chosen|opted|decided|elected|signed off|approved|accepted|rejected)\b|\b(?:has|have) instructed us (?:not )?to\b": 0.76,
        r"\b(?:went|gone|plumped|settled) (?:for|with|on) (?:the )?(?:option|proposal|second|first|third|offer|quote|supplier|version|plan)\b|\b(?:final|agreed) (?:outcome|position|decision|plan)\s*:": 0.72,
        r"\b(?:my|our) (?:mind|minds|choice) (?:is|are) (?:made(?: up)?|clear)\b|\b(?:we will|we'll|we shall) (?:therefore |thus |now |so )?(?:go down|follow|take|pursue|adopt) the (?:\w+ ){1,3}(?:route|path|option|approach|recommendation)\b": 0.82,
        r"^(?:agreed|approved|ok|okay|yes|go-ahead|green light|signed off) (?:on|to|for)\b": 0.78,
        r"\b(?:the |this |that |his |her |their |our )(?:\w+ ){0,2}(?:request|bid|tender|claim|appeal|application|motion|proposal|offer|candidacy|amendment|grant|loan|licen[cs]e)s?\b[^,;.]{0,50} (?:was|were|is|are|has been|have been) (?:not )?(?:\w+ly )?(?:refused|declined|denied|turned down|withdrawn|granted|awarded|accepted|approved|renewed|upheld)\b": 0.78,
        r"\b(?:is|are|was|were|has been|have been) (?:hereby |now |therefore )?(?:suspended|withdrawn|discontinued|revoked|rescinded|lifted|frozen)\b": 0.66,
        r"\b(?:the )?(?:board|committee|panel|jury|council|bank|authority|commission|ministry|regulator|landlord|insurer)\b[^,;.]{0,30} (?:has )?(?:awarded|refused|granted|accepted|withdrew|suspended|declined|waived|allocated|upheld|turned down)\b": 0.76,
        r"^(?:from|as of|with effect from|effective)[^,]{3,30}, [^.;]{3,80}\b(?:is|are|will be) (?:limited|capped|raised|reduced|banned|prohibited|mandatory|required|allowed|restricted|abolished)\b": 0.72,
    },
)
# A refusal is a decision though it reads like a negation, so it is asked for before open questions are set aside.
_REFUSALS = table(
    fr={
        r"\b(?:n'est pas|n'a pas été|ne sont pas|n'ont pas été) (?:acceptée?s?|retenue?s?|approuvée?s?|adoptée?s?|validée?s?|renouvelée?s?|accordée?s?|reconduite?s?)\b": 0.76,
        r"\b(?:a|ont|avons|ai) pris le parti de ne pas\b": 0.82,
    },
    en={
        r"\b(?:is|was|has been|were|are) not (?:accepted|approved|adopted|renewed|granted|retained|upheld|carried)\b": 0.76,
        r"\b(?:decided|resolved|agreed|chosen|elected|opted) not to\b": 0.82,
    },
)
_OPEN = re.compile(
    r"\b(?:not (?:yet )?(?:been )?(?:decided|agreed|approved|resolved|adopted|chosen|selected|determined)|(?:hasn't|haven't|hadn't|wasn't|didn't|don't|isn't|not) (?:yet )?(?:been )?(?:decide|agree|approve|resolve|adopt|choose|select)d?|no decision|if (?:we|you|the|it|i|they)|whether|unless|once|until|when|should (?:the|you|we)|as agreed|"
    r"(?:will|shall|to|must|should|may|can|could|would|might|going to) (?:then |also |be )?(?:decide|agree|approve|resolve|adopt|choose|select)|"
    r"(?:n'a|n'ont|n'avons|n'ai|n'est|ne|n'avait|n'aurait)\s+(?:\w+\s+){0,2}(?:pas|encore|rien|jamais)|aucune décision|si (?:l'|le|la|les|nous|vous|elle|il)|lorsque|quand|dès que|avant que|après que|tant que|comme convenu|"
    r"(?:devra|doit|peut|pourra|pourrait|devrait|va|vont|reste à|à|doivent) (?:être )?(?:décid|approuv|adopt|valid|tranch|arrêt|désign|nomm|autoris)|sera|seront|aurait|auraient|serait)\b",
    re.IGNORECASE,
)
_WHAT_BEGINS = re.compile(
    r"[\s,:–—-]*(?:that|to|on|upon|not to|que|qu'|de|d'|à|pour|par|l'|le|la|les)?\s*", re.IGNORECASE
)


def find_decision(s: Sentence) -> Finding | None:
    """The decision that ``s`` states, or None."""
    if s.is_question or s.is_boilerplate or s.is_heading:
        return None
    hit = best(_CUES, s.flat, s.lang, _OPEN, after=0) or best(_REFUSALS, s.flat, s.lang)
    if hit is None or (s.contract and hit.confidence < 0.85):
        # In a contract "the parties agree" and "the Company approved" are terms, not the record of a decision.
        return None
    slots: dict[str, object] = {}
    after = s.flat[hit.end :]
    begins = _WHAT_BEGINS.match(after)
    what = after[begins.end() if begins else 0 :]
    slots["what"] = without_leading_pronouns(what if len(what) > 8 else s.flat, s.lang)
    first_person = re.search(
        r"\b(?:we|i|nous|j'ai|je|on|my|our|ma|mon|notre)\b|^(?:accord|agreed|ok|okay|yes|approved|validé|c'est|d'accord|signed)\b|\bc'est\b",
        hit.match.group(),
        re.IGNORECASE,
    )
    if by := _by(s, hit.match):
        slots["by"] = by
    elif s.author and first_person:
        slots["by"] = s.author
    past = [d for d in s.dates if d.value and not d.deadline and d.end <= hit.end]
    if past and past[0].value:
        slots["date"] = past[0].value.isoformat()
    elif first_person and s.context.written_at and not past:
        # "We have decided" tells of now: the decision dates from its message unless the words name another day.
        slots["date"] = s.context.written_at.date().isoformat()
    return Finding(hit.confidence, slots)


def hear_decision(s: Sentence, likely: float) -> Finding:
    """A decision that no pattern knows but the head believes."""
    return Finding(likely, {"what": without_leading_pronouns(s.flat, s.lang)})


def _by(s: Sentence, m: re.Match[str]) -> str:
    body = re.match(
        rf"(?P<by>(?:l'|le |la |les |the |our |your )?(?:{_BODY_FR}|{_BODY_EN}))\b", m.group(), re.IGNORECASE
    )
    if body:
        return body["by"]
    verb = re.search(r"\b(?:ha[sv]e? |had )?(?:decided|resolved|opted|elected)\b", m.group(), re.IGNORECASE)
    if verb:
        at = m.start() + verb.start()
        return person_before(s.flat, at, s.lang) or party_before(s.flat, at, s.lang)
    return ""
