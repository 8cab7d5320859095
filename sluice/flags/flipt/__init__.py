"""Flipt's flags, the same rules for its v1 API, its v2 API and its files in git: who gets what, and what a wish changes."""
