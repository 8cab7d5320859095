"""Stages about flags."""
