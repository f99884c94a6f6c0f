"""The audit log: writing entries, anchoring the chains outside the database, and finding out whether all still stands.

The chain itself is made by the database (``audit_append``); what proves it is computed here again, in Python, so
that whoever could change the rows and the functions of the database has not changed the proof.
"""

from resources.audit.anchors import anchor
from resources.audit.entries import (
    PLATFORM,
    SYSTEM,
    Action,
    Actor,
    ActorKind,
    member,
    newest,
    record,
    record_each,
)
from resources.audit.verification import Problem, Report, verify

__all__ = [
    "PLATFORM",
    "SYSTEM",
    "Action",
    "Actor",
    "ActorKind",
    "Problem",
    "Report",
    "anchor",
    "member",
    "newest",
    "record",
    "record_each",
    "verify",
]
