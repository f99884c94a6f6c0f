"""Erasing a source, a person or the whole organisation, and the receipts of it."""
