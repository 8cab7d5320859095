"""Python code changed: flags put in, statements cut out, every other byte kept."""
