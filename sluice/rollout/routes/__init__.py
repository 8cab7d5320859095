"""Kinds of routes: how traffic is divided in each one's manifests, one file each. A router has its kind as `rules`."""
