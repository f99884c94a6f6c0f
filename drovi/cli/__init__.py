"""The ``drovi`` command. Commands read their arguments, call the rooms below, and print; no logic of their own."""
