"""Flags planted into public code, and removed again: `python -m tests.sluice.flags.real go 100`."""
