"""The doors for Slack: buttons that people press, and commands that they write."""
