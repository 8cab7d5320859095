"""Senders of webhooks: one file each, from what they send to sluice's events."""
