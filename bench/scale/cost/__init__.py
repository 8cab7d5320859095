"""What rollouts cost: processor, memory, requests to the API server and to Prometheus."""
