"""Writing to git: what an ImageUpdateAutomation commits, proposes, and takes out again."""
