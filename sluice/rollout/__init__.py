"""The rules of a rollout: phases, steps, revisions, the objects it makes, and the one function that decides."""
