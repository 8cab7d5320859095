"""Chats that people read, one file each."""
