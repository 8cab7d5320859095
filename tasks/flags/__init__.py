"""What is done with feature flags."""
