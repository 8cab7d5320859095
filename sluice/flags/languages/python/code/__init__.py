"""Python code as it is: syntax, scopes, what names stand for, and what may be left out of it."""
