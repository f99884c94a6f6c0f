"""An organisation's own affairs: its duties to keep, erase and hand out what it holds."""
