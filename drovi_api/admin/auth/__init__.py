"""Signing in and out as an administrator, and becoming one."""
