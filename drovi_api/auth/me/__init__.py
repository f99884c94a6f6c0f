"""Who the API key belongs to."""
