"""Who is asked and called during a rollout: what has a say at its points, what calls it back, and what hears of it."""
