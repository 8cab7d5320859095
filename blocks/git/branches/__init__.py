"""Branches of a server: one of our own that is proposed to people, and what the history of one says."""
