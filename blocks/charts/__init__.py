"""Charts: out of repositories with an index, out of registries, and out of the files of other sources."""
