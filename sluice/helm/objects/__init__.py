"""The objects of a release: out of its manifest, and as they are in the cluster."""
