"""The parts of a lab: their table, their configuration, who each is, and what each is asked for."""
