"""Who the grammatical subject is: a party to a contract, or a person or firm by name.

Capital letters and short lists only; identity (which Dupont?) is resolved elsewhere.
"""

from __future__ import annotations

import re

from .language import Language

_ROLES_EN = (
    r"tenants?|landlords?|lessees?|lessors?|sellers?|vendors?|buyers?|purchasers?|clients?|customers?|suppliers?|company|contractors?|consultants?|employees?|employers?|licensees?|licensors?|"
    r"distributors?|borrowers?|lenders?|guarantors?|shareholders?|directors?|firm|agents?|principal|provider|franchisees?|franchisors?|manufacturer|party|parties|recipients?|disclosing party|receiving party|owner|"
    r"developer|publisher|bank|trustee|executor|administrator|accountants?|auditors?|solicitors?|counsel|sponsor|investors?|partners?|members?|service provider|subcontractor|insurer|insured|affiliate|professional|grantor|grantee|holder|issuer|sub-?advis[eo]r|manager|reseller|carrier|university|hospital|network"
)
_ROLES_FR = (
    r"preneurs?|bailleurs?|bailleresse|locataires?|propriétaires?|vendeurs?|venderesse|acquéreurs?|acheteurs?|cédants?|cessionnaires?|clients?|fournisseurs?|prestataires?|société|entreprise|cabinet|employeurs?|salariée?s?|mandants?|mandataires?|"
    r"emprunteurs?|prêteurs?|caution|garante?s?|associée?s?|actionnaires?|gérante?|parties?|partie|débiteurs?|créanciers?|assurée?|assureur|entrepreneur|maître d'ouvrage|maître d'œuvre|sous-traitant|expert-comptable|"
    r"avocate?|notaire|franchisée?|franchiseur|licenciée?|concédant|concessionnaire|distributeur|bénéficiaire|promettant|débitrice|banque|commissaire aux comptes|président|dirigeant|copropriétaires?|syndic"
)
_PARTY_EN = re.compile(
    rf"(?<!\w)(?P<party>(?:(?i:each|either|neither|both|such|said|the|a)\s+(?:of\s+the\s+)?)?(?:(?i:{_ROLES_EN})|[A-Z][\w&.'-]*(?:\s+(?:&\s+)?[A-Z][\w&.'-]*){{0,4}}(?:,?\s+(?:Inc|LLC|Ltd|LLP|Corp)\.?)?))\s*(?:\([^)]{{0,60}}\)\s*)?(?:,[^,]{{0,160}},\s*)?(?:(?:also|hereby|each|severally|jointly|further|expressly|promptly)\s+)*$"
)
_PARTY_FR = re.compile(
    rf"(?<!\w)(?P<party>(?:(?i:chacune? des|chaque|les|le|la|ledit|ladite)\s+|[Ll]')?(?:(?i:{_ROLES_FR})(?:\s+[A-ZÀ-Ý][\w&.'-]*){{0,3}}|[A-ZÀ-Ý][\wÀ-ÿ&.'-]*(?:\s+[A-ZÀ-Ý][\wÀ-ÿ&.'-]*){{0,3}}))\s*(?:\([^)]{{0,60}}\)\s*)?(?:,[^,]{{0,160}},\s*)?(?:(?i:ne|y|lui|leur|en|vous)\s+)?$"
)
_NOT_A_PARTY = re.compile(
    r"^(?:this|that|these|those|such|any|no|nothing|all|each|it|there|notice|term|agreement|contract|section|article|clause|lease|exhibit|schedule|appendix|effective|date|services?|products?|confidential|information|"
    r"rent|price|payment|fees?|notwithstanding|if|in|upon|the|a|which|who|and|or|but|we|i|you|he|she|they|however|dispute|court|law|laws|state|delivery|title|property|intellectual|invoices?|interest|"
    r"cette?|ces|ce|il|elle|ils|elles|on|nous|je|vous|toute?|tous|aucune?|contrat|bail|convention|clause|loyer|prix|paiement|durée|délai|article|annexe|loi|tribunal|présent|présente|facture|montant|somme|qui|que|l'article|le|la|les|un|une|des|en|et|ou|si|à)\b",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"^(?:(?:the|each|either|neither|both|such|said|a|of|le|la|les|chaque|ledit|ladite|chacune? des)\s+|l')*",
    re.IGNORECASE,
)
_THING = re.compile(
    r"\b(?:events?|agreements?|contracts?|materials?|articles?|sections?|contrats?|articles?|annexes?|provisions?|clauses?|terms?|obligations?|rights?|laws?|state|states|date|period|losses|damages|disputes?|notices?|"
    r"products?|services?|information|fees?|rent|price|payments?|loyer|prix|paiements?|conventions?|avenants?|bail)$",
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"\b(?:as|which|that|where|what|whom|que|qu'|dont|où)\s+$", re.IGNORECASE)
_ROLE = re.compile(
    rf"^(?:(?i:the|each|either|neither|le|la|les|chaque)\s+|[Ll]')?(?=[A-Z])(?i:{_ROLES_EN}|{_ROLES_FR})\b"
)
_PERSON_EN = re.compile(
    r"(?<![\w'])(?P<who>(?:(?:Mr|Mrs|Ms|Dr|Prof)\.?\s+)?[A-Z][a-zà-ÿ'-]+(?:\s+(?:[A-Z]\.\s*)?(?:(?:de|van|von|du|le|la)\s+)?[A-Z][a-zà-ÿA-Z'-]+){0,2}(?:\s+(?:&|and)\s+[A-Z][a-z]+(?:\s+[A-Z][a-z]+)?)?|(?:[Oo]ur|[Yy]our|[Mm]y|[Tt]he|[Tt]his)\s+(?:director|manager|legal team|secretary|company|office manager|assistant|board|firm|team|client|office|colleague|associate|accountant|accounts team|marketing expert|project manager|industrial designer|user interface designer|auditors?|landlord|tenant|bank|finance team|partner))\s*(?:\([^)]{1,30}\)\s*)?(?:,[^,]{1,60},\s*)?$"
)
_PERSON_FR = re.compile(
    r"(?<![\w'])(?P<who>(?:(?:M\.|MM\.|Mme|Mlle|Me|Maître|Monsieur|Madame|Dr)\s*)?[A-ZÀ-Ý][a-zà-ÿ'-]+(?:[\s-]+(?:(?:de|du|des|le|la)\s+)?[A-ZÀ-Ý][\wÀ-ÿ'-]+){0,2}(?:\s+et\s+[A-ZÀ-Ý][a-zà-ÿ]+(?:\s+[A-ZÀ-Ý][a-zà-ÿ]+)?)?|(?:(?i:notre|votre|le|la)\s+|[Ll]')(?:cabinet|équipe|cliente?|confrère|consœur|collaborat(?:eur|rice)|comptable|service comptable|expert-comptable|banque|bailleur|preneur|notaire|huissier|fournisseur|prestataire|direct(?:eur|rice|ion)|service \w+|secrétariat|comité|associée?|gérante?|président|assistante?|bureau|société [A-ZÀ-Ý][\wÀ-ÿ'-]+|entreprise [A-ZÀ-Ý][\wÀ-ÿ'-]+))\s*(?:\([^)]{1,30}\)\s*)?(?:,[^,]{1,60},\s*)?(?:(?:nous|vous|lui|leur|le|la|les|en|y)\s+|l'\s*)*$"
)
_NOT_A_PERSON = re.compile(
    r"^(?:this|that|these|those|it|there|what|which|who|when|where|if|and|but|so|also|then|however|he|she|they|we|you|i|the|a|an|in|on|at|all|each|any|no|nothing|everyone|someone|somebody|everything|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|july|august|september|october|november|december|please|thanks|time|today|tomorrow|section|article|clause|agreement|"
    r"one|next|another|hopefully|not|need|needs|want|able|please|how|action|failure|decision|option|request|need|plan|proposal|ability|right|attempt|permission|duty|refusal|invitation|intention|obligation|ce|cette|cela|ceci|il|elle|ils|elles|on|nous|vous|je|tu|qui|que|quoi|les|un|une|des|mais|et|ou|donc|or|ni|car|si|tout|tous|rien|lundi|mardi|mercredi|jeudi|vendredi|"
    r"janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|article|contrat|merci|bonjour|ainsi|enfin|puis|ensuite|pour|dans|en|à|au)\b(?!\s+(?:firm|team|client|office|colleague|associate|accountant|landlord|tenant|bank|cabinet|équipe|confrère|comptable|banque|bailleur|preneur|notaire))",
    re.IGNORECASE,
)


def party_before(text: str, position: int, lang: Language) -> str:
    """The party whose verb begins at ``position``, with its article; "" where the subject is no party."""
    window = text[max(0, position - 260) : position]
    m = (_PARTY_FR if lang == "fr" else _PARTY_EN).search(window)
    if m is None:
        return ""
    party = m["party"].strip(" ,")
    core = _LEADING.sub("", party)
    return (
        ""
        if not core
        or _NOT_A_PARTY.match(core)
        or _THING.search(core)
        or _RELATIVE.search(window[: m.start()])
        else party
    )


def is_role(party: str) -> bool:
    """A contract's role written with a capital ("the Tenant", "Le Preneur"): its clause binds wherever it stands."""
    return bool(_ROLE.search(party))


def person_before(text: str, position: int, lang: Language) -> str:
    """The person, firm or team that is the subject of the verb at ``position``; "" where there is none."""
    window = text[max(0, position - 140) : position]
    m = (_PERSON_FR if lang == "fr" else _PERSON_EN).search(window)
    if m is None:
        return ""
    who = m["who"].strip(" ,")
    if _NOT_A_PERSON.match(who):
        return ""
    return who
