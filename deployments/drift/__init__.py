"""Drift: what somebody changes by hand in a synced object is seen, reported, and put back as its Kustomization says."""
