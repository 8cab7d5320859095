"""Marks: what is said of a release outside the cluster, and where."""
