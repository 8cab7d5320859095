"""Bringing rendered objects to a cluster: placing, applying, pruning. Whoever rendered them: no word of kustomize or helm here."""
