"""Which image of a repository is the newest one wanted, and how it is written into a manifest."""
