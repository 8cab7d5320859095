"""What an installation says outside."""
