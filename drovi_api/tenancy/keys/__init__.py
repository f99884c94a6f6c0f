"""The caller's own API keys."""
