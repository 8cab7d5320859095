"""Where webhooks enter."""
