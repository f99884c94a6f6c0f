"""Who administers the platform."""
