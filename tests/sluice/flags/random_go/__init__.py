"""Random programs in Go with random conditions on a flag."""
