"""Webhooks that are no gates: what calls a release back, what hears of its end, and what hears of all that happens."""
