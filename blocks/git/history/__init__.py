"""What was committed to a repository, without its files."""
