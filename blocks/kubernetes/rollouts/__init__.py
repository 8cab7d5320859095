"""What rollouts read and write in a cluster: Canaries with their workloads, and what those were before."""
