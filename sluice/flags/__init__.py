"""Feature flags: what a service says of them, where the code reads them, and how the code is rid of them."""
