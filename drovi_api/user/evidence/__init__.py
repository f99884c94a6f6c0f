"""The exact words behind a statement, and their place on the page."""
