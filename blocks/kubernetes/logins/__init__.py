"""Logins: how this process shows an API server who it is. One file a way; `blocks.kubernetes.reach` chooses one."""
