"""Strategies: how a new revision meets its users, one file each; the table is `sluice.rollout.strategy`."""
