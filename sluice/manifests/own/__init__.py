"""Kinds of sluice's own: what neither Flux nor Flagger has a manifest for."""
