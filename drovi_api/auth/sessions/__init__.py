"""A person's sessions: what this one is, the others, ending them, working in another organisation."""
