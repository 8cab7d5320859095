"""The bets that evidence is gathered by; each is a test that is valid at every look."""
