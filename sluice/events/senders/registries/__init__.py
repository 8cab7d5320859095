"""Registries that report pushed images: one file for each."""
