"""Endpoints of other systems that are told of changes."""
