"""Flux's kinds (`toolkit.fluxcd.io`)."""
