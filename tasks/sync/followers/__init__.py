"""What follows a source: one file a kind, one table."""
