"""What the command line does with past releases."""
