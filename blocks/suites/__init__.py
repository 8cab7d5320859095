"""Where end-to-end suites run: services that start one, find it again, and say how far it is."""
