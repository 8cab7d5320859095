"""The demonstration behind `make demo`: four releases and a chart under load, measured from the users' side."""
