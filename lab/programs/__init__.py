"""The programs that the lab runs: built once from their sources, or brought as packages."""
