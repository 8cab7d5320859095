"""Rendering, the rules: what goes into a kustomization.yaml, and variables in what comes of it."""
