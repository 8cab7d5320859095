"""The lab's own way to a Kubernetes API server. It shares nothing with sluice: what judges must not be what is judged."""
