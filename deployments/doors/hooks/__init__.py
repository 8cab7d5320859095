"""The doors of Flux's Receivers, `/hook/…`."""
