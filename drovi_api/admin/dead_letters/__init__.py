"""Events that were given up, without what they say."""
