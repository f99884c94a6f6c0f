"""Search over everything the caller may see."""
