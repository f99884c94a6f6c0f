"""Exports of what a member may read, and their download in parts."""
