"""Forges: where people look at commits and pull requests, one file each."""
