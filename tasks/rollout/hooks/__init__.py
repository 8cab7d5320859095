"""Webhooks that are no gates: what calls a release back, what is told of its end, and what is told of all that happens."""
