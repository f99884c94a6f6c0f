"""Legal holds: placed, listed, released."""
