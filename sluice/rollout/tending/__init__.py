"""Keeping right what a Canary brings forth: whose an object is, and what it lacks of what it was given."""
