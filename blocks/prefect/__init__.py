"""Prefect's API: events, runs, recordings."""
