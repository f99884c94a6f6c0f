"""Messages from other systems: taken in without a session, by the signature over their raw body."""
