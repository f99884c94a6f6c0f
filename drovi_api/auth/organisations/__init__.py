"""Founding another organisation."""
