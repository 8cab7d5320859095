"""Bringing rendered objects to a cluster: placing, applying, pruning; whatever rendered them."""
