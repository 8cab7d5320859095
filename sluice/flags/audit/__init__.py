"""The audit of flags: what became of each, who owns it, and how that is shown."""
