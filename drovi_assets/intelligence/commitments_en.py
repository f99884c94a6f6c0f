"""English commitments: "I will", "we undertake to", "you will have it by Friday", "the Tenant shall", "Claire to send".

Each finder reads one way of promising; ``FINDERS`` is the order in which they are asked.
"""

from __future__ import annotations

import re

from .names import is_role, party_before, person_before
from .sentence import Finding, Sentence
from .undertaking import ahead, assigned, finding, reader, reported_before, supposed_at

_I = re.IGNORECASE
_ADV = r"(?:(?:also|then|therefore|now|certainly|gladly|happily|personally|definitely|immediately|promptly|of course|just|both|all|be sure to|make sure to|do my best to|try to|need to)\s+)*"
_NO_ACT = (
    r"(?:not|never|no longer|be(?!\s+(?:\w+ly\s+)?(?:sending|calling|filing|submitting|drafting|preparing|paying|circulating|forwarding|contacting|reviewing|"
    r"attending|delivering|providing|issuing|setting|working|following|sharing|doing|finali[sz]ing|in touch|there|responsible|in contact|happy to|glad to|pleased to))|"
    r"have(?!\s+(?:my|our|him|her|them|it|the|a|someone)\b)|see\b|need\b|want\b|wish\b|like\b|love\b|enjoy\b|miss\b|know\b|find\b|assume\b|think\b|guess\b|hope\b|"
    r"expect\b|feel\b|hear\b|get through\b|discuss\b(?! (?:it|this|that) with)|talk\b|speak\b|look forward\b|remember\b|forget\b|lose\b|become\b|remain\b|only\b|probably\b|likely\b|perhaps\b|maybe\b|possibly\b|never\b|understand\b|"
    r"regret\b|appreciate\b|recall\b|receive\b|gain\b|benefit\b|incur\b|suffer\b|spend\b|wait\b|always\b|still\b|defer\b|get to\b|end up\b|leave it\b|soon\b)"
)
_FIRST = re.compile(
    rf"(?<![\w'])(?P<who>I|we)(?:\s?'ll\b|(?:both\s+|all\s+)?\s*(?:will|shall)|\s*am going to|\s*are going to|'m going to|'re going to)\s+(?P<adv>{_ADV})(?!{_NO_ACT})(?P<what>[a-z].*)",
    _I,
)
_PLEDGE = re.compile(
    r"(?<![\w'])(?P<who>I|we)\s+(?:hereby\s+|also\s+|do\s+|each\s+|jointly\s+|therefore\s+)*(?P<verb>(?:undertake|commit|promise|pledge|agree|guarantee|covenant|confirm that (?:I|we) (?:will|shall)|"
    r"(?:am|are) committed(?! to \w+ing)|(?:have )?(?:agreed|committed|promised|undertaken)|'ve (?:agreed|committed|promised|undertaken)|(?:give|gave) (?:you )?my word|accept responsibility|(?:am|are) happy|(?:will|shall) be (?:happy|glad|pleased))(?:\s+ourselves|\s+myself)?)\s+(?:to|that (?:I|we) (?:will|shall)|(?:I|we) (?:will|shall)|that)?\s*(?P<what>.+)",
    _I,
)
_READER = re.compile(
    r"\b(?P<who>you)\s+(?:hereby |also |further )*(?:undertake|agree|covenant|commit)\s+to\s+(?P<what>.+)", _I
)
_DELIVERED = re.compile(
    r"\byou(?:'ll| will| shall) (?:also |then )?(?P<what>(?:have|receive|get) (?!to\b|any\b|been|it (?:easier|hard))[^.;]{2,120})|"
    r"\b(?:the|your|our|a|my|these|both|all|compensation|payment|delivery|copies|drafts?) ?[^,;.]{0,70} will (?:then |also |now )?(?P<what2>(?:be (?:with you|on your desk|ready|in your inbox|(?:\w+ly )?(?:sent|filed|paid|delivered|completed|submitted|circulated|emailed|forwarded|returned|issued|finali[sz]ed|posted|served|refunded|transferred|provided|prepared|uploaded|shared|back|complete|restored|repaired|live|available|operational|up and running|in place))|follow|reach you|go out)\b[^.;]*)",
    _I,
)
_LEAVE = re.compile(
    r"\b(?P<what>leave (?:it|that|this) (?:with|to) (?:me|us)|count on (?:me|us)\b[^.;]*|consider it done|you have my word\b[^.;]*|let me (?:check|look|find|ask|speak|confirm|dig|review|draft|put|see what)\b[^.;]*\b(?:and|then)\b[^.;]*(?:get back|come back|revert|send|let you|call|confirm)[^.;]*)",
    _I,
)
_CHARGED = re.compile(
    r"\b(?:is|are|will be|remains?|has been made) (?:solely |fully )?(?:responsible for|in charge of|tasked with|to be)\s+(?P<what>\w+ing\b.*)|\bhas (?:volunteered|offered|been asked|been instructed) to\s+(?P<what2>.+)",
    _I,
)
_CONTINUOUS = re.compile(
    r"(?<![\w'])(?P<who>I|we)\s*(?:'m|'re| am| are)\s+(?P<what>(?:sending|filing|calling|submitting|delivering|paying|returning|forwarding|correcting|circulating|transferring|finali[sz]ing|completing|posting|signing|issuing|drafting|updating|lodging|processing|sharing|bringing|emailing|uploading|serving)\b.*)",
    _I,
)
_ELLIPTIC = re.compile(
    r"^(?:-\s*)?(?P<verb>will (?:send|forward|revert|call|do|get back|let you know|circulate|prepare|draft|file|pay|follow up|confirm|check|review|share|update|arrange)\b.*)",
    _I,
)
_OBLIGED = re.compile(
    r"\b(?:shall(?:\s+also|\s+at all times|\s+promptly|\s+immediately|\s+thereafter|\s+then|\s+further|\s+use|\s+and hereby does)*(?P<not>\s+not)?|hereby (?:agrees?|undertakes?|covenants?|commits?)(?P<not2>\s+not)?(?:\s+to)?|"
    r"(?:agrees?|undertakes?|covenants?|commits?|is obliged|is obligated|is required|are obliged|are obligated|are required|is bound|are bound)(?:\s+itself)?(?P<not3>\s+not)?\s+(?:to|that (?:it|he|she|they) (?:will|shall))|must(?P<not4>\s+not)?|will|(?P<not5>may\s+not)|(?:has|have) (?:undertaken|agreed|committed|promised)(?P<not6>\s+not)?\s+to)\s+(?P<what>[a-z].*)",
    _I,
)
_NO_DUTY = re.compile(
    r"^(?:mean|means|have the (?:meaning|right|option|authority|power|sole|exclusive|opportunity)|collectively\b|be (?:in accordance|referred|deleted|amended|replaced|deemed|construed|governed|interpreted|entitled|effective|binding|considered|subject|null|void|the|a|an|in full|"
    r"valid|enforceable|treated|read|determined|in writing|in effect|in force|available|permitted|free|liable|severable|cumulative|without|of no|no|any|conclusive|final|as follows|exclusive|able|presumed|understood|set forth|based on|equal|"
    r"affected|limited|unreasonably|held|increased|reduced|applied|used|bound|relieved|required|obligated|obliged|responsible for any loss)\b|include\b|includes\b|apply\b|survive\b|inure\b|commence\b|continue\b|terminate\b|expire\b|begin\b|end\b|remain\b|"
    r"constitute\b|control\b|prevail\b|govern\b|become\b|have no\b|have any\b|lapse\b|vest\b|belong\b|cease\b|accrue\b|take effect|come into|enter into force|consist\b|refer\b|extend\b|affect\b|limit\b|impair\b|prejudice\b|operate\b|exceed\b|result\b|arise\b|occur\b|run\b|pass\b|equal\b|require\b|prevent\b|relieve\b|only\b|in no event|for any reason|have been\b|had\b|automatically\b|never\b|preclude\b|benefit\b|attach\b|contain\b|bind\b|receive\b|so\b)",
    _I,
)
_PASSIVE_DUTY = re.compile(
    r"^be (?:\w+ly )?(?:paid|payable|delivered|provided|returned|made|given|filed|submitted|reimbursed|sent|furnished|supplied|remitted|invoiced|completed|maintained|kept|destroyed|borne)\b",
    _I,
)
_THIRD = re.compile(
    r"\b(?:will|is going to|has agreed to|agreed to|has undertaken to|undertook to|has committed to|committed to|promised to|has promised to|is to|to)\s+(?:also\s+|then\s+)?"
    r"(?P<what>(?:send|provide|prepare|draft|circulate|review|file|submit|pay|call|contact|deliver|return|sign|arrange|organi[sz]e|check|confirm|update|complete|follow up|forward|share|produce|obtain|collect|"
    r"report|present|revert|chase|finali[sz]e|take (?:responsibility|care|charge|over)|work on|write|issue|book|schedule|set up|distribute|get back|speak|tell|inform|ring|phone|have the|have all|satisfy|join|meet|visit|bring|repair|fix|test|start|finish|deal|attend|run|put|hold|double|refund|replace|advise|settle|close|open|investigate|monitor|lead|handle|reimburse|transfer|upload|"
    r"gather|supply|hand over|respond|reply|notify|instruct|look into|give|ask|make|design|do|put together|publish|serve|lodge|reconcile|email|e-mail)\b.*)",
    _I,
)
_ACTION = re.compile(
    r"^(?:action(?:\s+(?:item|point))?s?|todo|to do|next steps?|task|AP)\b\s*(?:\d+\s*)?(?:\((?P<paren>[^)]{2,40})\))?\s*[:–—-]\s*(?P<what>.{8,})",
    _I,
)
_SUBORDINATE = re.compile(
    r"\b(?:when|once|should|had|that|as|where|which|who|because|in case|assuming|before|after)\s+$", _I
)
_RELATIVE = re.compile(
    r"\b(?:which|who|whom|where|when|[a-z]+(?<!\bso)(?<!sure)(?<!confirm)(?<!promise)(?<!assured)(?<!certain)(?<!rest) that)\s+$",
    _I,
)
_FINITE = re.compile(r"\b(?:is|are|was|were|has|have|will|would|should|can|cannot|may)\b")
_SOFT_PLEDGE = re.compile(r"happy|glad|pleased|agree", _I)
_WAIVES = re.compile(
    r"\b(?:waives?|releases?|renounces?|bind(?:s)? (?:itself|themselves|himself|herself) to)\s+(?P<what>.+)",
)
_NEGATIVE = tuple(f"not{n}" for n in ("", 2, 3, 4, 5, 6))
_AGENT = re.compile(r"\bby (?:the |each )?([A-Z][\w&'-]*(?: [A-Z][\w&'-]*){0,3})")


def _will(s: Sentence) -> Finding | None:
    for m in _FIRST.finditer(s.flat):
        if supposed_at(s, m.start()) or _RELATIVE.search(s.flat[: m.start()]):
            continue
        weak = re.search(r"\b(?:try|do my best)\b", m["adv"], _I) or _SUBORDINATE.search(s.flat[: m.start()])
        return finding(s, 0.62 if weak else 0.86, s.author, m["what"], m.start("what"))
    return None


def _pledge(s: Sentence) -> Finding | None:
    if (m := _PLEDGE.search(s.flat)) and not supposed_at(s, m.start()):
        soft = _SOFT_PLEDGE.search(m["verb"])
        if not (soft and re.match(r"(?:with|on|of)\b", m["what"], _I)):
            return finding(s, 0.6 if soft else 0.92, s.author, m["what"], m.start("what"))
    if m := _READER.search(s.flat):
        return finding(s, 0.8, reader(s), m["what"], m.start("what"))
    return None


def _short(s: Sentence) -> Finding | None:
    if m := _ELLIPTIC.search(s.flat):
        return finding(s, 0.7, s.author, m["verb"].partition(" ")[2], m.start("verb") + 5)
    if m := _LEAVE.search(s.flat):
        return finding(s, 0.7, s.author, m["what"], m.start("what"))
    return None


def _dated(s: Sentence) -> Finding | None:
    """Promises only because a day is named."""
    if (m := _DELIVERED.search(s.flat)) and not s.contract and ahead(s, 0) and not supposed_at(s, m.start()):
        return finding(s, 0.68, s.author, m["what"] or m["what2"], m.start())
    if (
        (m := _CONTINUOUS.search(s.flat))
        and ahead(s, m.start())
        and not _RELATIVE.search(s.flat[: m.start()])
    ):
        return finding(s, 0.7, s.author, m["what"], m.start("what"))
    return None


def _party(s: Sentence) -> Finding | None:
    text = s.flat
    for m in _OBLIGED.finditer(text):
        word, what = m.group().split()[0].lower(), m["what"]
        party = party_before(text, m.start(), s.lang)
        if s.contract and word in {"shall", "must"} and not m["not"] and _PASSIVE_DUTY.match(what):
            agent = _AGENT.search(text, m.start("what"))
            return finding(s, 0.62, agent.group(1) if agent else "", what, m.start("what"))
        binds = s.contract or is_role(party) or word not in {"will", "must", "may"}
        if not party or not binds or _NO_DUTY.match(what):
            continue
        negative = any(m[name] for name in _NEGATIVE)
        return finding(
            s, 0.72 if word == "will" else 0.84, party, f"not {what}" if negative else what, m.start("what")
        )
    waiver = _WAIVES.search(text)
    if waiver and (party := party_before(text, waiver.start(), s.lang)):
        return finding(s, 0.7, party, waiver.group(), waiver.start("what"))
    return None


def _action_point(s: Sentence) -> Finding | None:
    m = _ACTION.match(s.flat)
    if m is None:
        return None
    who, what = m["paren"] or "", m["what"]
    inner = _THIRD.search(what)
    if not who and inner and (who := person_before(what, inner.start(), s.lang)):
        what = inner["what"]
    return finding(s, 0.85, who, what, m.start("what"))


def _named(s: Sentence) -> Finding | None:
    text = s.flat
    if charged := _CHARGED.search(text):
        at = charged.start()
        if owner := person_before(text, at, s.lang) or party_before(text, at, s.lang):
            return finding(s, 0.7, owner, charged["what"] or charged["what2"], at)
    for m in _THIRD.finditer(text):
        person = person_before(text, m.start(), s.lang)
        at = text.find(person) if person else 0
        bare = m.group().lower().startswith("to ")
        # "Claire to send the draft" is an action point; "a decision to send" is not: the name must open the line.
        if not person or (
            bare and (text[: m.start()].strip() != person or text.count(" ") < 4 or _FINITE.search(m["what"]))
        ):
            continue
        if not reported_before(s, at) and not supposed_at(s, at):
            return finding(s, 0.72 if bare else 0.66, person, m["what"], m.start("what"))
    return None


FINDERS = (_action_point, assigned, _will, _pledge, _short, _party, _named, _dated)
