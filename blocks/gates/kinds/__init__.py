"""Gates as objects of the cluster: one file a kind of Gate, one table."""
