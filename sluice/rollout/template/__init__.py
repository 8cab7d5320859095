"""A pod template: what of it makes a revision, and what of it has to differ in a copy."""
