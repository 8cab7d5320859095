"""The Kubernetes API: requests, watches, writes."""
