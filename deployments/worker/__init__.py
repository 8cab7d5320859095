"""The worker that runs flows."""
