"""Background work and how it goes."""
