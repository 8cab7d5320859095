"""The faults, and the moment at which each strikes."""
