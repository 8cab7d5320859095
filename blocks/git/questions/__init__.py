"""Questions to git servers that need no process of git."""
