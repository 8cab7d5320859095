"""What in the cluster is no longer as it was applied, who changed it, and what is done about it."""
