"""What a Gate of each kind asks for: one model a kind."""
