"""Releases by helm: from a HelmRelease and its chart to what runs."""
