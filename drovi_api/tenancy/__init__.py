"""The organisation itself: its settings, people, invitations, policies, keys and audit log. One folder a feature, as in ``user``."""
