"""Signing in by an OpenID provider: away to it, and back with a person it vouches for."""
