"""Hand-written truth that Drovi is measured against: parsing, extraction, contradictions, evidence, answers.

Every case was written for this project, half in French and half in English, with the traps of real files in it:
negations, reported speech, conditions, hypotheticals, boilerplate. Data and its loader live here; metrics and
what they are applied to live in ``drovi_assets.evaluation``.

Splits: ``train`` may be learned from, ``test`` is measured on every build against the floors of
``manifest.json``, ``held_out`` is looked at only when asked for by name.
"""

from golden_datasets.cases import (
    AnswerCase,
    Case,
    ContradictionCase,
    DocumentCase,
    EvidenceCase,
    ExtractionCase,
    Paragraph,
)
from golden_datasets.load import ROOT, Manifest, SetName, load, load_corpus, manifest, problems, splits

__all__ = [
    "ROOT",
    "AnswerCase",
    "Case",
    "ContradictionCase",
    "DocumentCase",
    "EvidenceCase",
    "ExtractionCase",
    "Manifest",
    "Paragraph",
    "SetName",
    "load",
    "load_corpus",
    "manifest",
    "problems",
    "splits",
]
