"""Is the service able to work? Each dependency, asked now."""
