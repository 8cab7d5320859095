"""The installation of sluice that is hit: its processes, started as a team would start them."""
