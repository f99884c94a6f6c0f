"""How much is new, falls due or is overdue, for the caller; and how often they are told."""
