"""From an address to an account and its organisation: the address is proven before anything exists."""
