"""Risks: the text itself says that harm is possible, and of what kind.

Not risks: "risk" as a trade ("risk management"), as a heading, as something absent, or as who bears it in a contract.
"""

from __future__ import annotations

import re

from .cues import best, table
from .sentence import Finding, Sentence
from .slots import without_leading_pronouns

_HARM_EN = r"(?:penalt(?:y|ies)|fines?|loss(?:es)?|damages?|litigation|delays?|liabilit(?:y|ies)|termination|default|breach|sanctions?|insolvency|bankruptcy|disput(?:e|es)|forfeit\w*|interest|prosecution|eviction|exposure|shortfall|overrun|reassessment|adjustment|rejection|refusal|invalid\w*|nullity|surcharges?|harm|prejudice|injunction|dismissal|strike[- ]?out|proceedings)"
_HARM_FR = r"(?:pénalités?|amendes?|pertes?|dommages?|contentieux|litiges?|retards?|responsabilité|résiliation|défaut|manquement|sanctions?|majorations?|redressement|rejet|refus|nullité|forclusion|prescription|déchéance|caducité|expulsion|liquidation|poursuites?|préjudice|intérêts de retard|requalification|rappels?|surcoûts?|dépassement|faillite|inopposabilité|condamnation|irrecevabilité|astreinte)"
_CUES = table(
    fr={
        r"\b(?:il (?:existe|y a|subsiste|demeure)|existe-t-il|présente|comporte|constitue|entraîne|crée|représente|court|courons|courez|prenons|prenez|fait peser|identifié|signalons|signale|voyons|vois)\s+(?:\w+\s+){0,2}?(?:un|le|des|les|de)?\s*(?:\w+ )?risques?\b": 0.88,
        r"\brisques? (?:majeur |principal |réel |sérieux |important |significatif |élevé |fiscal |juridique |social |financier |pénal )*(?:de |d'|est |que |qu'|lié|serait|pèse|demeure|existe|ici)": 0.8,
        r"\b(?:risqu(?:e|ons|ez|ent)|risquerai(?:t|ent)|risquerions) (?:fort |bien |donc |également |alors |ainsi )?(?:de |d'|la |le |les |une? |des |l')": 0.82,
        r"\b(?:s'expos(?:e|ent|erait)|vous exposez|nous exposons|vous expose|nous expose|expos(?:e|ent|ée?s?|er|erait) (?:la |le |les |l'|notre |votre |à))\b": 0.78,
        rf"\b(?:pourrai(?:t|ent)|peut|peuvent|est susceptible|sont susceptibles|est de nature|serait de nature|susceptibles?)\s+(?:d'|à |de |alors |également |nous |vous |ainsi )*(?:entraîner|conduire|aboutir|donner lieu|engager|provoquer|causer|remettre en cause|compromettre|être (?:remise?s? en cause|requalifiée?s?|contestée?s?|sanctionnée?s?|rejetée?s?|condamnée?s?|annulée?s?|prescrite?s?)|exposer|générer)\b(?:[^.;]{{0,80}}{_HARM_FR})?": 0.76,
        r"\b(?:encour(?:t|ent|ons|ez|u|ue)|met(?:tent)? en péril|met(?:tent)? en danger|compromet(?:tent|trait)?|menac(?:e|ent|é)|fragilis(?:e|ent)|met(?:tent)? en jeu la responsabilité)\b": 0.74,
        r"\b(?:notre |principale? |vive |une? )?(?:inquiétude|crainte|préoccupation|point de vigilance|point d'alerte|alerte|danger|fragilité)s?\b[^.;]{0,30}\b(?:est|concerne|porte|que|tient|réside|:)": 0.68,
        r"\b(?:nous craignons|je crains|nous redoutons|je redoute|nous sommes inquiets|je suis inqui(?:et|ète)|à craindre|attire(?:ns|r)? votre attention sur (?:le risque|le fait|l'absence)|attirons votre attention sur)\b": 0.72,
        r"\b(?:pourrai(?:t|ent)|risque(?:nt|rait|raient)? de) (?:alors |également |très bien |légitimement |ainsi |nous |vous |lui |me |se |la |le |les |l'|y )*(?:invoquer|reprocher|contester|réclamer|demander (?:la|des|une|le)|engager (?:la|votre|notre|sa)|refuser|rejeter|annuler|saisir|résilier|dénoncer|assigner|poursuivre|sanctionner|requalifier|remettre|agir|bloquer|exiger|opposer|prononcer|retenir|dépasser|perdre|échouer|manquer)": 0.78,
        r"\b(?:n'est pas (?:à exclure|exclue?)|ne (?:peut|saurait) être (?:exclue?|écartée?)|n'est pas à l'abri|sommes pas à l'abri|n'êtes pas à l'abri)\b": 0.82,
        r"\b(?:serai(?:t|ent)|seriez|serions|sera(?:it)?) (?:\w+ment |très |fort |sans doute |alors |regardée comme )*(?:jugée?s?|requalifiée?s?|sanctionnée?s?|annulée?s?|condamnée?s?|inopposables?|nulle?s?|irrecevables?|prescrite?s?|réputée?s? (?:non|sans)|privée?s? de|déchue?s?|encourues?|exposée?s?|menacée?s?|compromise?s?)\b": 0.76,
        r"\b(?:vous|nous|il|elle|on|la société|le client) (?:perdri?(?:ez|ons|ait)|perd(?:rez|rons|ra)|(?:ne )?pourri?(?:ez|ons|ait) plus|(?:ne )?pourr(?:ez|ons|a) plus)\b": 0.74,
        r"\b(?:alert(?:e|ent|é|ons|ait)|met(?:s|tons|tent)? en garde|mise en garde|avertit|avertissons|signale(?:nt)? (?:un|le|des)) (?:\w+ ){0,4}?(?:sur|contre|que|du|d'un|risques?)": 0.78,
        rf"\b(?:en cas d[e']|si |sans |à défaut d[e']|faute d[e'])[^.;]{{2,120}}\b(?:{_HARM_FR}|perdr\w+)": 0.7,
        rf"\b(?:à défaut|faute de|sous peine d[e'])\b[^.;]{{0,120}}{_HARM_FR}": 0.74,
        r"\b(?:sous peine d[e']|au risque d[e'])": 0.7,
        r"^(?:risques?|alerte|point de vigilance|vigilance)\s*(?:\w+\s*)?[:–—-]\s*(?=\S.{8})": 0.84,
        r"\b(?:est|sont|reste|restent|demeure|demeurent|paraît|semble) (?:\w+ment |très |assez |juridiquement |fiscalement |particulièrement )*(?:contestables?|fragiles?|vulnérables?|précaires?|incertaine?s?|discutables?|attaquables?|aléatoires?|insuffisante?s?|compromise?s?|menacée?s?)\b": 0.68,
        r"\b(?:prête(?:rait)? le flanc|ouvre(?:rait)? la (?:voie|porte) à|donne(?:rait)? prise|ne résisterait pas|ne tiendrait pas|laisse(?:rait)? (?:\w+ ){1,3}sans (?:recours|protection|couverture|garantie))\b": 0.8,
        r"\b(?:passibles? d[e']|est puni|sanctionnée? (?:par|d'une)|tomb(?:e|erait|ez|erions) sous le coup)\b": 0.74,
        r"\b(?:n'est pas|ne sommes pas|n'êtes pas|n'est plus|ne sera pas|ne serait pas|ne serions pas|ne seriez pas|ne serait plus) (?:couverte?s?|assurée?s?|garantie?s?|protégée?s?|opposables?|en mesure de (?:payer|régler|honorer|faire face))\b|\baucune (?:garantie|assurance|couverture|clause) (?:n'est|ne)\b": 0.74,
        r"\b(?:il (?:n'est pas|n'y a rien de) (?:certain|garanti|acquis|sûr) que|rien ne garantit|il est (?:probable|possible|à craindre) que|tout laisse (?:craindre|penser) que|nous ne pouvons (?:pas )?(?:exclure|garantir)|on ne peut (?:pas )?exclure|je ne peux (?:pas )?exclure)\b": 0.72,
        r"\b(?:délai|action|créance|recours)[^.;]{0,60}\b(?:expir\w+|prescri\w+|forclos\w*|éteint\w*)\b": 0.62,
        r"\b(?:forclusion|cessation des paiements|rupture de trésorerie|dépôt de bilan|défaillance|impayés?|insolvabilité|requalification|redressement (?:fiscal|judiciaire|urssaf))\b": 0.62,
        r"\b(?:fait|font|ferait|feraient) (?:courir|peser|encourir|craindre)\b|\b(?:se retourner(?:ait)? contre|mettrait? en (?:cause|difficulté|péril)|met(?:trait)? (?:\w+ ){1,3}en (?:cause|difficulté|péril|danger))\b": 0.74,
        r"\b(?:la|le|les|notre|votre|nos|vos|l')\s*[^,;.]{2,40} (?:disparaîtra(?:it)?|s'effondrera(?:it)?|chutera(?:it)?|sera(?:it)? (?:perdue?s?|anéantie?s?|compromise?s?|irrecevables?|caduque?s?|nulle?s?|rejetée?s?|inopposables?|sinon \w+)|sombrera(?:it)?|basculera(?:it)?)": 0.72,
        r"\b(?:pourr(?:ions|iez|ait|aient)) (?:bien )?(?:ne jamais|ne plus|nous échapper|vous échapper|tourner|dégénérer|s'aggraver|se dégrader)\b|\b(?:fer(?:ait|a|aient)|peut faire) (?:basculer|tomber|perdre|échouer|courir|exploser)\b|\bpriver(?:ait|a|aient)? (?:de |d')?": 0.74,
        r"\b(?:semble|paraît|sera|est|s'annonce) (?:\w+ment |très )?(?:difficile à (?:tenir|respecter|défendre|justifier|soutenir)|intenable|irréaliste|impossible à tenir)\b": 0.74,
        r"\ba de (?:bonnes|fortes|réelles) chances d[e'](?: |)(?:aboutir|échouer|prospérer|être)|\bd'autant plus (?:\w+ ){0,3}(?:grave|dangereu|risqu|difficile)|\bplus [^,;.]{3,60}, plus [^.;]{3,60}(?:dégrad|aggrav|difficile|conflit|coût|risqu)": 0.72,
    },
    en={
        r"\b(?:there (?:is|remains|exists|may be|could be|would be)|poses?|presents?|carr(?:y|ies)|creates?|runs?|running|faces?|see|flag|identified|represents?|entails?|increases?|raises?)\s+(?:\w+\s+){0,3}?risks?\b": 0.88,
        r"\b(?:the |a |an |our |main |key |biggest |serious |real |significant |major |material |considerable |principal |greatest )(?:\w+ )?risks? (?:here |is |are |that |of |remains|if |with )": 0.8,
        r"\brisks? (?:that |being |losing |missing |breaching |incurring|delaying|having|triggering|jeopardi)|\b(?:we|you|they|it|company|client)(?: may| could| would| will)? risks? (?!manag)\w+ing\b": 0.8,
        r"\b(?:(?:is|are|be|put|puts|putting|places?|was|were|remain|remains) (?:\w+ )?(?:at (?:serious |real |significant )?risk|in jeopardy|in danger|under threat)|jeopardi[sz](?:e|es|ing)|at risk (?:of|if))\b": 0.8,
        r"\b(?:expos(?:es?|ed|ing)\s+(?:\w+\s+){0,4}?to|exposure to)\b(?!\s+(?:the )?(?:public|light|air|new|wide|students|children))": 0.7,
        rf"\b(?:could|may|might|would|will|can|is likely to|are likely to)\s+(?:also |then |well |potentially |ultimately )*(?:result in|lead to|give rise to|trigger|cause|expose|incur|face|attract|be liable|jeopardi[sz]e|undermine|invalidate|be (?:struck out|time-barred|challenged|penali[sz]ed|fined|sued|void(?:ed)?|refused|rejected|recharacteri[sz]ed|disallowed|unenforceable))\b(?:[^.;]{{0,80}}\b{_HARM_EN})?": 0.68,
        rf"\b(?:failure|failing|failed|unable|inability) to\b[^.;]{{0,120}}\b(?:may|could|might|will|would)\b[^.;]{{0,80}}{_HARM_EN}": 0.8,
        r"\b(?:we are|i am|i'm|we're|remain|am|are) (?:\w+ )?(?:concerned|worried|afraid|uneasy) (?:that|about|by)\b|\b(?:our|my|main|key|real|serious) (?:\w+ )?(?:concern|worry|fear|danger)s? (?:is|are|that|about|here)\b": 0.74,
        r"\b(?:could|may|might)(?: very)?(?: well| also| then| still| easily| legitimately| therefore)* (?:bring (?:a|an|proceedings)|accuse|contest|challenge|refuse|reject|sue|seek (?:to|damages|an)|terminate|strike|withdraw|overrun|claim (?:that|damages|against)|argue|allege|lose|fail|miss|default|breach|slip|collapse|object|disallow|reopen|enforce|void|invalidate|be (?:lost|liable|held|found|struck|set aside|in breach|unable))\b": 0.76,
        r"\b(?:can(?:not|'t| not) be (?:ruled out|excluded)|not out of the question|is not immune)\b": 0.82,
        r"\bwould (?:very |quite |most |almost )?(?:likely |probably |certainly )?(?:be (?:found|held|struck|set aside|void|unenforceable|unfair|liable|in breach|rejected|refused|dismissed|time-barred|forfeited)|lose|forfeit|fail|breach)\b": 0.76,
        r"\b(?:warn(?:s|ed|ing)?|alert(?:s|ed)?|caution(?:s|ed)?|flag(?:s|ged)?) (?:\w+ ){0,2}?(?:that|of|about|us|over)\b": 0.74,
        rf"\b(?:if|unless|without|should|in the event)\b[^.;]{{2,120}}\b{_HARM_EN}\b[^.;]{{0,40}}\b(?:will|would|may|could|might|become|payable|apply|due|accrue)\b": 0.72,
        r"\b(?:threatens? to|threat(?:ens)? (?:of|our|the)|time-barred|statute-barred|out of time|limitation period (?:expires|ends|runs)|vulnerable to|liable to (?:a )?(?:penalt|fine|forfeit))\b": 0.72,
        r"^(?:risks?|warning|red flag|caution)\s*(?:\w+\s*)?[:–—-]\s*(?=\S.{8})": 0.84,
        r"\bdraw your attention to (?:the )?(?:risk|fact|danger|absence|deadline)": 0.7,
        r"\b(?:leaves?|leaving|left|lay|lays|be|is|are) (?:\w+ ){0,3}?(?:open to (?:a |an )?(?:challenge|claim|attack|criticism|question|dispute)|exposed|uninsured|unprotected|vulnerable|uncovered|out of pocket)\b": 0.74,
        r"\b(?:would|will|may|might|could) not (?:survive|stand up|withstand|be (?:enforceable|valid|covered|recoverable|insured)|hold up|recover|be able to (?:pay|meet|service|recover|rely))\b": 0.76,
        r"\bthere(?:'s| is) (?:a |some |every |little |no |real )*(?:chance|possibility|danger|prospect|likelihood|guarantee|certainty|doubt) (?:that|of|as to|whether)\b": 0.74,
        r"\b(?:is|are|remains?|looks?|seems?) (?:\w+ly |very |still |highly )*(?:vulnerable|precarious|in doubt|uncertain|doubtful|shaky|fragile|untenable|unenforceable|under-?insured|overexposed|contestable|debatable|under threat|insufficient)\b": 0.66,
        r"\bputs? (?:\w+ ){1,3}in (?:breach|default|difficulty|danger|jeopardy)\b|\b(?:is|are|be) (?:in breach|in default|overdrawn|over budget|subject to (?:a |an )?(?:fine|penalt\w+|surcharge|claim|challenge|clawback))\b": 0.66,
        r"\b(?:attracts?|carries|incurs?|triggers?) (?:a |an |the )?(?:\w+ ){0,2}(?:penalt\w+|fines?|surcharges?|interest|liability|clawback)\b": 0.7,
        r"\b(?:may|might|could|will|would|likely to|going to|about to) (?:soon |well |also |easily |then )*(?:run out|run short|default|go under|become insolvent|walk away|pull out|miss the|be time-barred|be overturned|be sued|backfire|unravel|fall through|crystalli[sz]e|escalate|come back to)\b": 0.76,
        r"\b(?:insolvency|limitation|cash[- ]?flow (?:crisis|shortfall|gap)|going concern|uncapped liability|no cover|not insured|covenant breach|breach of covenant|reputational (?:damage|harm))\b": 0.62,
        r"\b(?:no|without|any) (?:recourse|remedy|protection|cover|security|fallback|way back)\b[^.;]{0,40}|\b(?:wiped out|swept away|go to waste|up in smoke|in tatters|run dry)\b": 0.7,
        r"\b(?:might|may|could) (?:well )?(?:never|no longer|only get worse|become|deteriorate|worsen|drag on|get out of hand|spread|turn)\b[^.;]{0,60}": 0.68,
        r"\b(?:push|tip|drive|force|plunge)(?:es|s)? (?:us|you|it|them|the \w+) (?:in)?to (?:default|insolvency|liquidation|administration|bankruptcy|breach|the red)\b|\bopens? the door to\b|\b(?:looks?|seems?|will be|is) (?:very |increasingly )?(?:hard|difficult|impossible|tough) to (?:meet|keep|hold|defend|justify|achieve|sustain|enforce|recover)\b": 0.76,
        r"\b(?:is|are) about to (?:move|leave|sell|transfer|expire|default|close|lapse|collapse|withdraw|flee|run)\b|\bthe (?:longer|more|later)\b[^,;.]{3,60}, the (?:worse|harder|greater|more|higher|less)\b": 0.72,
    },
)
_CANCELLED = re.compile(
    r"\bsi (?:le|la|les|l'|un|une|nous|vous) [^,;.]{1,40}(?:ait|aient)\b,|\b(?:risk[- ](?:free|management|manager|department|officer|profile|team|assessment|factors?|control|appetite|register|analysis|committee|based|averse|weighted|group|report|mitigation)|(?:own|sole) risk|no (?:\w+ )?risk|without (?:any )?risk|risk of loss|"
    r"(?:low|minimal|little|negligible|zero) risk|(?:eliminat|reduc|mitigat|minimi[sz]|limit|avoid|prevent|manag|cover|remov)\w* (?:the |any |this |all )?(?:\w+ )?risks?|gestion (?:des|du) risques?|(?:aucun|sans|pas de|nul) risque|tous risques|multirisques?|à (?:ses|leurs) risques et périls|risques? (?:locatifs?|et périls)|risque écarté|risque est (?:faible|limité|négligeable))",
    re.IGNORECASE,
)
# The harm a contract or a rule threatens with is a term of it; in a contract only the surest cues count.
_SEVERE = re.compile(
    r"\b(?:serious|significant|major|severe|critical|substantial|material|considerable|high|grave|imminent|criminal|grave|sérieux|majeur|important|significatif|élevé|critique|pénal|nullité|déchéance|forclusion|liquidation|insolvency|struck out|time-barred)\w*",
    re.IGNORECASE,
)
_SLIGHT = re.compile(
    r"\b(?:small|slight|minor|low|limited|remote|moderate|faible|limité|mineur|modéré|léger|résiduel)\w*\s+(?:\w+ )?(?:risk|risque)|risques?\s+(?:\w+ )?(?:faible|limité|mineur|modéré|léger|résiduel)",
    re.IGNORECASE,
)


def find_risk(s: Sentence) -> Finding | None:
    """The risk that ``s`` points out, or None."""
    if s.is_question or s.is_boilerplate or s.is_heading:
        return None
    hit = best(_CUES, s.flat, s.lang, _CANCELLED)
    if hit is None or (s.contract and hit.confidence < 0.78):
        return None
    return hear_risk(s, hit.confidence)


def hear_risk(s: Sentence, likely: float) -> Finding:
    """The whole of ``s`` as a risk, with the severity that its words give."""
    slots: dict[str, object] = {"what": without_leading_pronouns(s.flat, s.lang)}
    if _SLIGHT.search(s.flat):
        slots["severity"] = "low"
    elif _SEVERE.search(s.flat):
        slots["severity"] = "high"
    return Finding(likely, slots)
