"""Senders of no certain product: what one's own services send, and what many agree on."""
