"""CDEvents 0.5: what releases do, in the words that tools of continuous delivery have in common."""
