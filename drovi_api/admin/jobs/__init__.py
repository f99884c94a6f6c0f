"""Background work of every organisation, and the platform's own: what it is, not what it is about."""
