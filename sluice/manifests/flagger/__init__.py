"""Flagger's kinds (`flagger.app`)."""
