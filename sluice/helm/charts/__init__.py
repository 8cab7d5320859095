"""Charts: which version is wanted, and what it is called."""
