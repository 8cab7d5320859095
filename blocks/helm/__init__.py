"""The helm program: how it is run, how it reaches the cluster, and where it keeps its record of releases."""
