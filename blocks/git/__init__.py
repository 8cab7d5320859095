"""Git repositories: mirrors, trees, commits."""
