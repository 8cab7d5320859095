"""What is known about a new version from its metrics: counts, evidence, verdicts."""
