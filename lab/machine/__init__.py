"""What the lab changes on this machine and tells from what others have there; and what machine it is."""
