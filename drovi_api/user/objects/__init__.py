"""Intelligence objects, each with its evidence."""
