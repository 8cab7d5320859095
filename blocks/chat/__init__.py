"""Chats that people are notified in, one file a service."""
