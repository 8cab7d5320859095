"""What syncs have applied, and what of it has changed since: a digest an object, and one watch a kind."""
