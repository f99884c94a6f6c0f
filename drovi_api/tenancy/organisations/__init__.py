"""The organisation the caller works in."""
