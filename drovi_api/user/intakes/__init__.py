"""The addresses that sources are pushed to, as their owners see them."""
