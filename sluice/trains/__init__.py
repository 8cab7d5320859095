"""Trains: services that are released together. Who boards, in which order they go, and what becomes of them."""
