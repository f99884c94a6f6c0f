"""Questions answered with citations, or refused."""
