"""Flux's Receivers: how each type is verified, and what their status says."""
