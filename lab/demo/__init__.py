"""The demonstration behind `make demo`: four releases, a chart and two flags under load, measured from the users' side."""
