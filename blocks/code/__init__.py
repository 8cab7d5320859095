"""Code of repositories: read and changed in a process of its own, never run."""
