"""Stand-ins that behave: they keep state and misbehave on demand, instead of recording calls."""
