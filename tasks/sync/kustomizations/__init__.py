"""What is particular to Kustomizations: their dependencies, their health checks, their status, and their end."""
