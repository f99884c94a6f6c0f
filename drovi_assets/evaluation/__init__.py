"""Measures what the product's code does on labelled cases: ours in ``golden_datasets``, or a reader's own.

Metrics, one module per kind of suite, adapters for data sets made elsewhere, and the registry in ``suites``.
The code under measurement is a parameter everywhere, so that a mutant can be measured as well; defaults are
looked up in ``subjects``. Nothing here decides what is good enough: floors stand in the manifest.
"""
