"""Source item in, record out: what a provider gave, in Drovi's one envelope."""
