"""How a sender of webhooks proves who it is: one file for each way."""
