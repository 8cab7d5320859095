"""What sluice says of itself in Prometheus' format."""
