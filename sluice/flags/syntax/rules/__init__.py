"""The rules by which a mark moves outwards: a file for each kind of place that it can stand in."""
