"""What stands between sluice and the servers it asks: lets through, refuses, delays, cuts."""
