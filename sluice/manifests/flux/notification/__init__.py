"""Kinds of Flux that say who gets to know what."""
