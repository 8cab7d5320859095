"""Stages of a train's journey."""
