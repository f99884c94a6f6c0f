"""What the French and the English finders of commitments share: the finding itself, and what makes words no promise."""

from __future__ import annotations

import re

from .sentence import Finding, Sentence
from .slots import condition, due, without_leading_pronouns

_OWNER = r"^(?P<who>(?:M\.|Mme|Me|Mr|Ms|Mrs|Dr)?\s*[A-ZÀ-Ý][\w'-]+(?: [A-ZÀ-Ý][\w'-]+)?)\s*[:–—-]\s+"
_ASSIGNED_FR = re.compile(_OWNER + r"(?P<what>[a-zà-ÿ]{2,}(?:er|ir|re)\s.+)")
_ASSIGNED_EN = re.compile(
    _OWNER
    + r"(?P<what>(?:to )?(?:send|draft|prepare|file|call|chase|check|review|circulate|update|book|confirm|contact|write|obtain|collect|submit|pay|arrange)\s.+)"
)
_SUPPOSED = re.compile(
    r"(?:\b(?:if|whether|unless|until|supposing|what|how|why|hoping|hope|think|thought|guess|doubt|not sure|wondering|afraid)(?:\s+that)?\s+|"
    r"\b(?:si|pas que|doute que|espère que|pense que|crois que)\s*)$",
    re.IGNORECASE,
)
_REPORTED = re.compile(
    r"\b(?:sa(?:id|ys)|told|claim(?:s|ed)?|maintains?|alleges?|apparently|allegedly|supposedly|according to|rumou?r)\b|"
    r"\b(?:dit|disait|affirm\w+|préten\w+|soutient|soutenait|aurait|paraît|selon|semble|paraît-il)\b",
    re.IGNORECASE,
)


def finding(s: Sentence, confidence: float, who: str, what: str, at: int) -> Finding:
    """A commitment with its slots; ``at`` is where the act begins, so that a due date is looked for after it."""
    slots: dict[str, object] = {}
    if who:
        slots["who"] = who
    if len(s.context.recipients) == 1 and not s.contract and s.context.recipients[0] != who:
        slots["to"] = s.context.recipients[0]
    if what := without_leading_pronouns(what, s.lang):
        slots["what"] = what
    slots |= due(s, at)
    if supposed := condition(s):
        slots["condition"] = supposed
    return Finding(min(0.98, confidence + 0.05 * ("due_text" in slots)), slots)


def assigned(s: Sentence) -> Finding | None:
    """A line of minutes that names an owner: "Mme Petit : relancer le bailleur"."""
    m = (_ASSIGNED_FR if s.lang == "fr" else _ASSIGNED_EN).match(s.flat)
    return finding(s, 0.74, m["who"], m["what"], m.start("what")) if m and not m["who"].isupper() else None


def reader(s: Sentence) -> str:
    """The one recipient, or "" where there are several or none is known."""
    return s.context.recipients[0] if len(s.context.recipients) == 1 else ""


def supposed_at(s: Sentence, at: int) -> bool:
    """The words before ``at`` make what follows a supposition, a doubt or somebody's quoted speech."""
    before = s.flat[:at]
    open_quote = (
        before.count("«") > before.count("»")
        or before.count("“") > before.count("”")
        or before.count('"') % 2 == 1
    )
    return open_quote or bool(_SUPPOSED.search(before))


def reported_before(s: Sentence, at: int) -> bool:
    """Somebody is said to have said it: no undertaking that can be relied on."""
    return bool(_REPORTED.search(s.flat[:at]))


def ahead(s: Sentence, at: int) -> bool:
    """A date stands after ``at`` and is not past."""
    written = s.context.written_at
    return any(
        d.start >= at and (d.value is None or written is None or d.value >= written.date()) for d in s.dates
    )
