"""What people see of a run: messages, names, artifacts."""
