"""What is said of releases outside: at the forge, and to who listens to events."""
