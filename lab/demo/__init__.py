"""The demonstration behind `make demo`: four releases under load, measured from the users' side."""
