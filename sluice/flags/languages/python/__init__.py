"""Python: flags are found and removed with LibCST, which keeps every byte that it does not have to change."""
