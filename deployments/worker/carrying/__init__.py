"""The runs that a worker carries: how their code is stopped from outside, and what becomes of one without an end."""
