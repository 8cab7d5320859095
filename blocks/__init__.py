"""Connections to outside systems, one file a system. They translate; they do not decide."""
