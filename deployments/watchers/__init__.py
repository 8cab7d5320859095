"""Watches on the cluster that become events."""
