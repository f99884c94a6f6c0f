"""From a password, and a second factor where there is one, to a session."""
