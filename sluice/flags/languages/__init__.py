"""Languages in which flags are found and removed: one file or folder for each."""
