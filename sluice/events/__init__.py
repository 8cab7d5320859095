"""Events from outside, in sluice's own form."""
