"""Feature flags: what a service says of them, where they are in code, and how they leave it."""
