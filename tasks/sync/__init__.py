"""From commits to the cluster."""
