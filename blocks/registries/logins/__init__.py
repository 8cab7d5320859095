"""Logins that a cloud gives to who runs there, one file for each cloud."""
