"""Alerts: which events go where, and in which form each receiving side reads them."""
