"""Who is in the organisation, as what; changing that, and leaving."""
