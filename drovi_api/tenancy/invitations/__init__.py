"""Inviting people, one at a time or from a spreadsheet; resending and revoking."""
