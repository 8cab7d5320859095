"""What Gates, freezes, trains and people say about a release."""
