"""Services of feature flags, one file for each way to speak to them."""
