"""Finding what was missed or left behind."""
