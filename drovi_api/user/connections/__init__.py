"""Links to sources: create, list, read, sync now."""
