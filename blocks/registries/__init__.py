"""Container registries, one file for each way to speak to them."""
