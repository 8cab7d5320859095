"""What is particular to Kustomizations: dependencies, health checks, history."""
