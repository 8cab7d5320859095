"""What the way from a push to the cluster takes, and what it costs: on the lab's API server, git server and registry."""
