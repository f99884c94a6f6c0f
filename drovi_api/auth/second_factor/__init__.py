"""A person's second factor: adding one, replacing it, taking it away, and recovery codes for a lost device."""
