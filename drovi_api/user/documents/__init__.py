"""Parsed files: their layout, block by block."""
