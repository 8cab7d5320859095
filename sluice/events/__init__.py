"""What the outside world tells sluice, in sluice's own words."""
