"""Who calls: signing up, in and out, sessions, passwords, second factors. One folder a feature, as in ``user``."""
