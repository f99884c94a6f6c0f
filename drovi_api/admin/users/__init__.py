"""People who have an account, and where they are members."""
